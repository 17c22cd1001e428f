"""The front end: waveform -> the rows a model sees. One definition for training and the device.

  samples -> zeros for the tail -> log-mel, a frame per 10 ms -> normalize, clip -> stack

  z[f] = (log_mel[f] - mean) / std, clipped to +-clip
  row[k] = z[3k-3], z[3k-2], z[3k-1], z[3k]   (stack 4, stride 3; zeros before the first frame)

At both ends of the audio a frame that sticks out sees its mirror image, as with kaldi's
snip_edges=false. Where the end is becomes known only when it is announced, so a stream holds its
last frames back until finish(). Audio in one piece and audio in chunks of any size give the same
bits.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from edge_rnnt.audio.logmel import LogMel, log_mel_kernel
from edge_rnnt.audio.stacking import Stacker

FRAME_SECONDS = 0.01
STILL = 1e-3  # a band whose log energy deviates by less than this over a training set says nothing


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrontEnd:
  """Settings of the front end: a plain value that travels in checkpoints and device files as JSON.

  Raises ValueError when built from settings that cannot work, saying which and why.
  """

  sample_rate: int = 16000  # Hz
  num_mels: int = 80
  low_hz: float = 0.0
  high_hz: float | None = None  # None: half the sample rate
  stack: int = 4  # frames in a row
  stride: int = 3  # frames from row to row
  tail_seconds: float = 0.0  # of zeros after the audio: time for a model to finish its last word
  mean: tuple[float, ...] | None = None  # of each mel band, over a training set
  std: tuple[float, ...] | None = None
  clip: float | None = None  # standard deviations

  def __post_init__(self) -> None:
    least = {"sample_rate": 1000, "num_mels": 3, "stack": 1, "stride": 1}
    for name, bound in least.items():
      if getattr(self, name) < bound:
        raise ValueError(f"{name} must be at least {bound}, got {getattr(self, name)}.")
    nyquist = self.sample_rate / 2
    if not 0 <= self.low_hz < self.top_hz <= nyquist:
      raise ValueError(
        f"mel bands need 0 <= low_hz < high_hz <= {nyquist:g} (half the sample rate), "
        f"got low_hz={self.low_hz:g}, high_hz={self.top_hz:g}."
      )
    if not (math.isfinite(self.tail_seconds) and self.tail_seconds >= 0):
      raise ValueError(f"tail_seconds must be zero or more, got {self.tail_seconds}.")
    self._check_statistics()
    self.kernel()  # raises when there are more bands than the FFT can tell apart

  def _check_statistics(self) -> None:
    if (self.mean is None) != (self.std is None):
      raise ValueError("mean and std come together: give both, or neither for no normalization.")
    for name in ("mean", "std"):
      values = getattr(self, name)
      if values is None:
        continue
      if len(values) != self.num_mels or not np.isfinite(values).all():
        raise ValueError(f"{name} is {self.num_mels} finite numbers, one per band, got {values}.")
    if self.std is not None and min(self.std) <= 0:
      raise ValueError(f"std must be positive in every band, the smallest is {min(self.std)}.")
    if self.clip is not None and (self.mean is None or not self.clip > 0):
      raise ValueError(
        f"clip is a positive number of standard deviations and needs mean and std, got {self.clip}."
      )

  @property
  def top_hz(self) -> float:
    """The upper end of the mel bank."""
    return self.sample_rate / 2 if self.high_hz is None else self.high_hz

  @property
  def feature_dim(self) -> int:
    return self.stack * self.num_mels

  @property
  def frame_seconds(self) -> float:
    """Seconds from one row of features to the next."""
    return FRAME_SECONDS * self.stride

  def kernel(self) -> LogMel:
    return log_mel_kernel(self.sample_rate, self.num_mels, float(self.low_hz), float(self.top_hz))

  def log_mel(self, samples: np.ndarray) -> Float32[np.ndarray, "frames M"]:
    """Waveform [N] in [-1, 1] -> natural log-mel energies of its 10 ms frames, round(N / hop) rows.

    Without tail and normalization. Raises ValueError for what is no waveform (see check_samples).
    """
    samples, kernel = check_samples(samples), self.kernel()
    frames = kernel.framing.count(len(samples))
    if not frames:
      return np.zeros((0, self.num_mels), np.float32)
    left = kernel.framing.left
    right = kernel.framing.span(frames) - left - len(samples)
    return kernel(np.pad(samples, (left, right), mode="symmetric"))

  def features(self, samples: np.ndarray) -> Float32[np.ndarray, "T F"]:
    """Waveform [N] in [-1, 1] -> rows for the model, those of the tail included.

    Raises ValueError for what is no waveform (see check_samples).
    """
    samples = check_samples(samples)
    frames = self.log_mel(np.concatenate([samples, self.tail_after(len(samples))]))
    return Stacker(self.stack, self.stride, self.num_mels).push(self.normalize(frames))

  def stream(self) -> "FrontEndStream":
    """A fresh stream: the same rows from audio that comes in pieces."""
    return FrontEndStream(self)

  def tail_after(self, heard: int) -> Float32[np.ndarray, "N"]:
    """The zeros after an utterance of so many samples; none follow one that never began."""
    return np.zeros(round(self.tail_seconds * self.sample_rate) if heard else 0, np.float32)

  def normalize(self, frames: Float32[np.ndarray, "frames M"]) -> Float32[np.ndarray, "frames M"]:
    """z = (frames - mean) / std, clipped to +-clip; the frames themselves without statistics."""
    if self.mean is None:
      return frames
    z = (frames - np.float32(self.mean)) / np.float32(self.std)
    return z if self.clip is None else np.clip(z, -np.float32(self.clip), np.float32(self.clip))

  def with_statistics(self, log_mels: Iterable[np.ndarray]) -> "FrontEnd":
    """This front end with each band's mean and deviation over a training set's log-mel [frames, M].

    A band that stands still gets deviation 1: noise in it must not be blown up the day it moves.
    Raises ValueError when there is no frame at all.
    """
    count, total, squares = 0, np.zeros(self.num_mels), np.zeros(self.num_mels)
    for frames in log_mels:
      wide = frames.astype(np.float64)
      count, total, squares = count + len(wide), total + wide.sum(0), squares + (wide**2).sum(0)
    if not count:
      raise ValueError("statistics need frames of audio, got none: is the training set empty?")
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std = np.where(std < STILL, 1.0, std)
    return dataclasses.replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

  def to_json(self) -> dict[str, Any]:
    """Plain values for a JSON file; from_json reads them back exactly."""
    values = dataclasses.asdict(self)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

  @classmethod
  def from_json(cls, values: Mapping[str, Any]) -> "FrontEnd":
    """The front end that to_json described.

    Raises ValueError naming the settings that are missing or unknown.
    """
    known = {field.name for field in dataclasses.fields(cls)}
    missing, unknown = sorted(known - set(values)), sorted(set(values) - known)
    if missing or unknown:
      raise ValueError(
        f"a front end's description lacks {missing} and has the unknown settings {unknown}; "
        f"expected exactly {sorted(known)}. Was it written by another version?"
      )
    return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


class FrontEndStream:
  """Audio in pieces -> rows of features, each as soon as it is certain.

  wave    samples from the start of the next frame on, the mirrored beginning included once known
  heard   samples so far
  frames  frames computed so far
  """

  def __init__(self, front_end: FrontEnd):
    self.front_end = front_end
    self._kernel = front_end.kernel()
    self._stacker = Stacker(front_end.stack, front_end.stride, front_end.num_mels)
    self._wave = np.zeros(0, np.float32)
    self._heard = 0
    self._frames = 0
    self._begun = False
    self._finished = False

  def accept(self, samples: np.ndarray) -> Float32[np.ndarray, "t F"]:
    """More audio [n] in [-1, 1] -> the rows that it completes, perhaps none.

    Raises ValueError after finish(), and for what is no waveform (see check_samples).
    """
    if self._finished:
      raise ValueError("this stream is finished; begin the next utterance with a new one.")
    samples = check_samples(samples)
    self._heard += len(samples)
    self._wave = np.concatenate([self._wave, samples])
    framing = self._kernel.framing
    if not self._begun and len(self._wave) >= framing.window - framing.left:
      self._wave = np.pad(self._wave, (framing.left, 0), mode="symmetric")
      self._begun = True
    return self._rows() if self._begun else self._stacker.push(self._kernel(self._wave[:0]))

  def finish(self) -> Float32[np.ndarray, "t F"]:
    """The audio has ended -> its last rows: those of the tail and of frames over the edge."""
    rows = self.accept(self.front_end.tail_after(self._heard))
    self._finished = True
    framing = self._kernel.framing
    missing = framing.count(self._heard) - self._frames
    if not missing:
      return rows
    left = 0 if self._begun else framing.left
    right = framing.span(missing) - left - len(self._wave)
    self._wave = np.pad(self._wave, (left, right), mode="symmetric")
    return np.concatenate([rows, self._rows()])

  def _rows(self) -> Float32[np.ndarray, "t F"]:
    frames = self._kernel(self._wave)
    self._frames += len(frames)
    self._wave = self._wave[len(frames) * self._kernel.framing.hop :]
    return self._stacker.push(self.front_end.normalize(frames))


def check_samples(samples: np.ndarray) -> Float32[np.ndarray, "N"]:
  """A waveform as float32 [N].

  Raises ValueError for several channels, integers, and values that are no numbers.
  """
  samples = np.asarray(samples)
  if samples.ndim != 1:
    raise ValueError(
      f"audio is one channel, an array [N], got shape {samples.shape}; average its channels first."
    )
  if samples.dtype.kind != "f":
    raise ValueError(
      f"audio is floating point in [-1, 1], got {samples.dtype}; divide 16-bit samples by 32768."
    )
  samples = samples.astype(np.float32, copy=False)
  if not np.isfinite(samples).all():
    raise ValueError("audio holds NaN or infinite samples; look at where it was recorded.")
  return samples
