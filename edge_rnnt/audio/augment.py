"""Training speech made more various.

On the waveform: speed, level, noise, rooms, the telephone. On features: vocal tracts, masks.

All functions are pure and take what is random about them as an argument: a factor, a level in dB,
or an np.random.Generator. Samples are float32 [N] in [-1, 1]; nothing is clipped, except by the
telephone. Features are rows [T, stack * M], or log-mel frames [frames, M] as stack 1.
"""

import functools

import numpy as np
import scipy.signal
import soxr
from jaxtyping import Float32, Int64

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.audio.logmel import mel_edges, slaney_hz, slaney_mel
from edge_rnnt.audio.mulaw import mu_law

TELEPHONE_HZ = (300.0, 3400.0)
# Before a cell with layer norm has heard anything its gates don't vary, and the gradient of layer
# norm is 1e4 there: so much a row, until it overflows (seen at 10 masks of up to 16 rows).
LEADING = 8
BENT_SHARE = 0.15  # the top of the mel bank, where band_warp gives way so that its end stays put


def speed(samples: Float32[np.ndarray, "N"], factor: float) -> Float32[np.ndarray, "n"]:
  """Played factor times as fast: N / factor samples, pitch times factor (Ko et al., 2015).

  Usual factors are 0.9 to 1.1. Raises ValueError outside 0.5 ... 2.
  """
  if not 0.5 <= factor <= 2:
    raise ValueError(f"speed takes a factor from 0.5 to 2, got {factor}.")
  return samples if factor == 1 else soxr.resample(samples, factor, 1.0)


def gain(samples: Float32[np.ndarray, "N"], decibels: float) -> Float32[np.ndarray, "N"]:
  """Louder by so many dB: samples * 10^(decibels / 20)."""
  return samples * np.float32(10 ** (decibels / 20))


def excerpt(
  recording: Float32[np.ndarray, "n"], length: int, rng: np.random.Generator
) -> Float32[np.ndarray, "N"]:
  """A stretch of length samples from a random place; a shorter recording is repeated end to end.

  Raises ValueError when the recording is empty.
  """
  if not len(recording):
    raise ValueError("an excerpt needs a recording to be cut from, got one of no samples.")
  if len(recording) < length:
    return np.resize(np.roll(recording, int(rng.integers(len(recording)))), length)
  begin = int(rng.integers(len(recording) - length + 1))
  return recording[begin : begin + length]


def add_noise(
  samples: Float32[np.ndarray, "N"], noise: Float32[np.ndarray, "n"], snr_db: float
) -> Float32[np.ndarray, "N"]:
  """samples + g noise with g such that 10 log10(sum samples^2 / sum (g noise)^2) = snr_db.

  The ratio is that of the whole utterance, pauses included. Where either is all silence there is no
  ratio, and the samples come back as they were. Raises ValueError when the lengths differ.
  """
  if len(samples) != len(noise):
    raise ValueError(
      f"noise must be as long as the speech, {len(samples)} samples, got {len(noise)}; "
      "cut it with excerpt()."
    )
  speech_energy, noise_energy = _energy(samples), _energy(noise)
  if not speech_energy or not noise_energy:
    return samples
  return samples + np.float32((speech_energy / noise_energy / 10 ** (snr_db / 10)) ** 0.5) * noise


def reverberate(
  samples: Float32[np.ndarray, "N"], response: Float32[np.ndarray, "R"]
) -> Float32[np.ndarray, "N"]:
  """The speech in a room: convolved with its impulse response, as loud and as long as before.

  The direct sound, the largest sample of the response, stays in place in time, so that words stay
  aligned. Raises ValueError when the response is empty or all zeros.
  """
  if not np.any(response):
    raise ValueError("a room's impulse response holds at least one sample that is not zero.")
  if not np.any(samples):
    return samples
  direct = int(np.argmax(np.abs(response)))
  wet = scipy.signal.oaconvolve(samples, response)[direct : direct + len(samples)]
  return (wet * (_energy(samples) / max(_energy(wet), 1e-30)) ** 0.5).astype(np.float32)


def telephone_band(samples: Float32[np.ndarray, "N"], sample_rate: int) -> Float32[np.ndarray, "N"]:
  """As heard over a digital telephone line: 300-3400 Hz, 8-bit mu-law (ITU-T G.711), 300-3400 Hz.

  Both ends of a line have the filter; the second one keeps the coding noise within the band.
  Samples are clipped to [-1, 1] between them. Raises ValueError for a sample_rate (Hz) too low for
  3400 Hz.
  """
  line = _line_filter(sample_rate)
  sent = scipy.signal.sosfilt(line, samples).astype(np.float32)
  return scipy.signal.sosfilt(line, mu_law(sent)).astype(np.float32)


@functools.cache
def _line_filter(sample_rate: int) -> np.ndarray:
  low, high = TELEPHONE_HZ
  if sample_rate <= 2 * high:
    raise ValueError(
      f"a telephone passes {low:g} to {high:g} Hz, which takes a sample rate above {2 * high:g}, "
      f"got {sample_rate}."
    )
  # Elliptic, order 4 at each edge: 0.25 dB of ripple within the band, 35 dB and more down beyond.
  return scipy.signal.ellip(4, 0.25, 35, [low, high], "bandpass", fs=sample_rate, output="sos")


def band_warp(
  features: Float32[np.ndarray, "T F"], factor: float, front_end: FrontEnd
) -> Float32[np.ndarray, "T F"]:
  """Another speaker's vocal tract: what was heard at f Hz is heard at factor * f.

    out(f) = in(f / factor) up to 85 % of the bank's top, then bent so that top maps to top,

  each band read linearly between its neighbours (the map of Jaitly and Hinton, "Vocal tract length
  perturbation", 2013, between bands instead of in the spectrum). Usual factors are 0.9 to 1.1.

  Raises ValueError when the factor is outside 0.5 ... 2 or rows are no multiple of num_mels wide.
  """
  if not 0.5 <= factor <= 2:
    raise ValueError(f"band_warp takes a factor from 0.5 to 2, got {factor}.")
  if features.shape[1] % front_end.num_mels:
    raise ValueError(f"rows hold {front_end.num_mels} bands a frame, got {features.shape[1]} wide.")
  below, share = warped_bands(factor, front_end.num_mels, front_end.low_hz, front_end.top_hz)
  bands = features.reshape(-1, front_end.num_mels)
  lower, upper = bands[:, below], bands[:, below + 1]
  return (lower + share * (upper - lower)).reshape(features.shape)


def warped_bands(
  factor: float, num_mels: int, low_hz: float, high_hz: float
) -> tuple[Int64[np.ndarray, "M"], Float32[np.ndarray, "M"]]:
  """Where each band reads: the band below that place, and its distance above that in bands."""
  edges = mel_edges(num_mels, low_hz, high_hz)
  peaks = slaney_hz(edges[1:-1])
  bend = (1 - BENT_SHARE) * high_hz * min(factor, 1.0)
  slope = (high_hz - bend / factor) / (high_hz - bend)
  source = np.where(peaks <= bend, peaks / factor, high_hz - slope * (high_hz - peaks))
  place = (slaney_mel(source) - edges[1]) / (edges[1] - edges[0])
  place = np.clip(place, 0, num_mels - 1)
  below = np.minimum(place.astype(np.int64), num_mels - 2)
  return below, (place - below).astype(np.float32)


def spec_augment(
  features: Float32[np.ndarray, "T F"],
  rng: np.random.Generator,
  *,
  time_masks: int,
  time_width: int,
  mel_masks: int,
  mel_width: int,
  num_mels: int,
  stack: int,
  time_share: float = 0.2,
) -> Float32[np.ndarray, "T F"]:
  """SpecAugment (Park et al., 2019) without time warping: rows and bands set to zero, the mean.

  Each mask is 0 ... width long, uniformly, at a uniform place. Masks of time count rows, masks of
  mel count bands and cover the same bands in all stacked frames. No mask of time is longer than
  time_share of the utterance, so that a short order keeps its words. Where more than the first
  LEADING rows are masked, the first comes back.

  Raises ValueError when rows are not stack * num_mels wide.
  """
  rows, width = features.shape
  if width != stack * num_mels:
    raise ValueError(
      f"rows of {stack} x {num_mels} bands are {stack * num_mels} wide, got {width}."
    )
  masked = features.copy()
  by_band = masked.reshape(rows, stack, num_mels)  # a view
  for begin, end in _spans(rng, time_masks, min(time_width, int(time_share * rows)), rows):
    masked[begin:end] = 0
  if rows > LEADING and not masked[: LEADING + 1].any():
    masked[0] = features[0]
  for begin, end in _spans(rng, mel_masks, min(mel_width, num_mels), num_mels):
    by_band[:, :, begin:end] = 0
  return masked


def _spans(
  rng: np.random.Generator, count: int, longest: int, within: int
) -> list[tuple[int, int]]:
  lengths = rng.integers(0, longest + 1, size=count)
  begins = rng.integers(0, within - lengths + 1)
  return list(zip(begins.tolist(), (begins + lengths).tolist(), strict=True))


def _energy(samples: np.ndarray) -> float:
  return float(np.vdot(samples, samples))
