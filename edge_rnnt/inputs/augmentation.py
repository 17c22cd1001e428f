"""How training audio is disturbed, as plain numbers, and the order in which it happens."""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from edge_rnnt.audio import augment
from edge_rnnt.audio.frontend import FrontEnd

Range = tuple[float | int, float | int]


class Surroundings(NamedTuple):
  """What training speech can be put into, float32 samples at the front end's rate: background
  recordings, and impulse responses of rooms. Without noises white noise is taken.
  """

  noises: tuple[np.ndarray, ...] = ()
  rooms: tuple[np.ndarray, ...] = ()


NOTHING = Surroundings()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augment:
  """Ranges to draw from, one draw per utterance. The defaults disturb nothing.

  speed: factors (1.1 = 10 % faster, and higher); gain_db; room_share: share of utterances heard in
  one of the rooms given to LoadBatch; noise_share: share that gets noise at snr_db, from the
  recordings given to LoadBatch or white; telephone_share: share squeezed through a telephone; warp:
  largest change of the mel axis (0.07 = 7 %, another length of the throat); SpecAugment: number and
  greatest width of masks in stacked frames (no more than time_share of the utterance) and in mel
  bands.
  """

  speed: Range = (1.0, 1.0)
  gain_db: Range = (0.0, 0.0)
  room_share: float | int = 0.0
  noise_share: float | int = 0.0
  snr_db: Range = (10.0, 30.0)
  telephone_share: float | int = 0.0
  warp: float | int = 0.0
  time_masks: int = 0
  time_width: int = 0
  time_share: float | int = 0.2
  mel_masks: int = 0
  mel_width: int = 0

  def __post_init__(self):
    for name in ("speed", "gain_db", "snr_db"):
      low, high = getattr(self, name)
      if not low <= high or (name == "speed" and low <= 0):
        raise ValueError(f"Augment.{name} is {(low, high)}: expected (lowest, highest)")
    for name in ("room_share", "noise_share", "telephone_share", "time_share"):
      if not 0 <= getattr(self, name) <= 1:
        raise ValueError(f"Augment.{name} is {getattr(self, name)}: expected a share from 0 to 1")

  def disturb_samples(
    self,
    samples: Float[np.ndarray, "N"],
    sample_rate: int,
    surroundings: Surroundings,
    length_bounds: tuple[int, int],
    rng: np.random.Generator,
  ) -> Float[np.ndarray, "N2"]:
    """Speed, room, telephone, gain, noise, in that order.

    The speed keeps the length within `length_bounds` (samples), so that labels and bucket still
    fit.
    """
    noises, rooms = surroundings
    factor = rng.uniform(*self.speed)
    if factor != 1.0:
      factor = _within(factor, len(samples), length_bounds)
      samples = augment.speed(samples, factor)
    # Without rooms nothing is drawn: what is random about the rest stays as it is.
    if self.room_share and rng.random() < self.room_share:
      samples = augment.reverberate(samples, rooms[rng.integers(len(rooms))])
    if rng.random() < self.telephone_share:
      samples = augment.telephone_band(samples, sample_rate)
    if self.gain_db != (0.0, 0.0):
      samples = augment.gain(samples, rng.uniform(*self.gain_db))
    if rng.random() < self.noise_share:
      noise = noises[rng.integers(len(noises))] if noises else _white_noise()
      noise = augment.excerpt(noise, len(samples), rng)
      samples = augment.add_noise(samples, noise, rng.uniform(*self.snr_db))
    return samples

  def disturb_features(
    self, features: Float[np.ndarray, "T F"], front_end: FrontEnd, rng: np.random.Generator
  ) -> Float[np.ndarray, "T F"]:
    """Mel-axis warp, then SpecAugment's masks (Park et al. 2019) set to zero, the mean of
    normalized features.
    """
    if self.warp:
      factor = 1.0 + rng.uniform(-self.warp, self.warp)
      features = augment.band_warp(features, factor, front_end)
    if self.time_masks or self.mel_masks:
      features = augment.spec_augment(
        features,
        rng,
        time_masks=self.time_masks,
        time_width=self.time_width,
        time_share=self.time_share,
        mel_masks=self.mel_masks,
        mel_width=self.mel_width,
        num_mels=front_end.num_mels,
        stack=front_end.stack,
      )
    return features


def _within(factor: float, length: int, bounds: tuple[int, int]) -> float:
  """The nearest factor whose result is as long as the bounds want; a sample less, for rounding."""
  shortest, longest = bounds
  slowest, fastest = length / max(1, longest - 1), length / (shortest + 1)
  return min(max(min(factor, max(1.0, fastest)), slowest, 0.5), 2.0)


@functools.cache
def _white_noise() -> Float[np.ndarray, "N"]:
  """A minute at 8 kHz, drawn once: drawing it anew would cost as much as the features."""
  return np.random.default_rng(0).standard_normal(480_000, dtype=np.float32)
