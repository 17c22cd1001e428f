"""The front end: waveform -> the rows a model sees, one definition for training, decoding and the device.

  samples -> (zeros for the tail) -> log-mel, one row per 10 ms -> normalize, clip -> stack, keep every third

  z[f] = (log_mel[f] - mean) / std, clipped to +-clip;  row[k] = z[3k-3], z[3k-2], z[3k-1], z[3k]   (stack 4, stride 3)

Frames before the audio are zeros. At both ends of the audio a frame that sticks out sees its mirror image, as with
kaldi's snip_edges=false. The end is known only when it is announced, so a stream holds its last frames back until
finish(). Audio in one piece and audio in chunks of any size give the same bits.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from edge_rnnt.audio.logmel import LogMel, log_mel_kernel

FRAME_SECONDS = 0.01
QUIET_BAND_STD = (
  1e-3  # a band that moves less than this (natural log units) over a training set carries no signal
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrontEnd:
  """Settings of the front end; a value, so it travels in checkpoints and device files as JSON.

  Raises ValueError when built from settings that cannot work, saying which and why.
  """

  sample_rate: int = 16000  # Hz
  num_mels: int = 80
  low_hz: float = 0.0
  high_hz: float | None = None  # None: half the sample rate
  stack: int = 4  # log-mel frames in a row
  stride: int = 3  # log-mel frames from row to row
  tail_seconds: float = (
    0.0  # zeros appended when the audio ends: time for a streaming model to finish its last word
  )
  mean: tuple[float, ...] | None = None  # of each mel band, over a training set
  std: tuple[float, ...] | None = None
  clip: float | None = None  # standard deviations

  def __post_init__(self) -> None:
    nyquist = self.sample_rate / 2
    if self.sample_rate < 1000:
      raise ValueError(f"sample_rate is in Hz and at least 1000, got {self.sample_rate}.")
    for name in ("num_mels", "stack", "stride"):
      if getattr(self, name) < 1:
        raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
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
      if values is not None and (
        len(values) != self.num_mels or not np.isfinite(np.asarray(values)).all()
      ):
        raise ValueError(
          f"{name} needs {self.num_mels} finite numbers, one per mel band, got {values}."
        )
    if self.std is not None and min(self.std) <= 0:
      raise ValueError(
        f"std must be positive in every band, the smallest given is {min(self.std)}."
      )
    if self.clip is not None and (self.mean is None or not self.clip > 0):
      raise ValueError(
        f"clip is a positive number of standard deviations and needs mean and std, got {self.clip}."
      )

  @property
  def top_hz(self) -> float:
    """The upper edge of the highest mel band."""
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
    """Waveform [N] in [-1, 1] -> natural log-mel energies, round(N / hop) rows; neither tail nor normalization."""
    samples, kernel = check_samples(samples), self.kernel()
    frames = kernel.framing.count(len(samples))
    if not frames:
      return np.zeros((0, self.num_mels), np.float32)
    right = kernel.framing.span(frames) - kernel.framing.left - len(samples)
    return kernel(np.pad(samples, (kernel.framing.left, right), mode="symmetric"))

  def features(self, samples: np.ndarray) -> Float32[np.ndarray, "T F"]:
    """Waveform [N] in [-1, 1] -> rows for the model, ceil(frames / stride) of them; silence after the end included."""
    frames = self.normalize(
      self.log_mel(np.concatenate([check_samples(samples), self.tail(len(samples))]))
    )
    return stack_frames(np.pad(frames, ((self.stack - 1, 0), (0, 0))), self.stack, self.stride, 0)

  def stream(self) -> "FrontEndStream":
    """A fresh stream: the same rows from audio that comes in pieces."""
    return FrontEndStream(self)

  def tail(self, heard: int) -> Float32[np.ndarray, "N"]:
    """The zeros that follow an utterance of so many samples; none follow an utterance that never began."""
    return np.zeros(round(self.tail_seconds * self.sample_rate) if heard else 0, np.float32)

  def normalize(self, log_mel: Float32[np.ndarray, "frames M"]) -> Float32[np.ndarray, "frames M"]:
    """z = (log_mel - mean) / std, then clip; the input itself when there are no statistics."""
    if self.mean is None:
      return log_mel
    z = (log_mel - np.float32(self.mean)) / np.float32(self.std)
    return z if self.clip is None else np.clip(z, -np.float32(self.clip), np.float32(self.clip))

  def with_statistics(self, log_mels: Iterable[np.ndarray]) -> "FrontEnd":
    """This front end with the mean and deviation of each band over the log-mel frames of a training set.

    A band that never moves gets deviation 1: it says nothing, and must not be blown up the day it does move.
    """
    count, total, squares = 0, np.zeros(self.num_mels), np.zeros(self.num_mels)
    for frames in log_mels:
      wide = frames.astype(np.float64)
      count, total, squares = count + len(wide), total + wide.sum(0), squares + (wide**2).sum(0)
    if not count:
      raise ValueError(
        "statistics need at least one frame of audio, got none: is the training set empty?"
      )
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std = np.where(std < QUIET_BAND_STD, 1.0, std)
    return dataclasses.replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

  def to_json(self) -> dict[str, Any]:
    """Plain values for a JSON file; from_json reads them back exactly."""
    values = dataclasses.asdict(self)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

  @classmethod
  def from_json(cls, values: Mapping[str, Any]) -> "FrontEnd":
    """The front end that to_json described; raises ValueError naming missing and unknown settings."""
    known = {field.name for field in dataclasses.fields(cls)}
    missing, unknown = sorted(known - set(values)), sorted(set(values) - known)
    if missing or unknown:
      raise ValueError(
        f"a front end's description lacks {missing} and has the unknown settings {unknown}; "
        f"expected exactly {sorted(known)}. Was it written by another version?"
      )
    return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


class FrontEndStream:
  """Audio in pieces -> rows of features, as soon as each is certain.

  wave     samples from the start of the next frame on, the mirrored beginning included once it is known
  context  the last stack - 1 normalized frames
  skip     frames to come before the one that completes the next row
  """

  def __init__(self, front_end: FrontEnd):
    self.front_end = front_end
    self._kernel = front_end.kernel()
    self._wave = np.zeros(0, np.float32)
    self._context = np.zeros((front_end.stack - 1, front_end.num_mels), np.float32)
    self._skip = 0
    self._heard = 0
    self._frames = 0
    self._begun = False
    self._finished = False

  def accept(self, samples: np.ndarray) -> Float32[np.ndarray, "t F"]:
    """More audio [n] in [-1, 1] -> the rows that it completes, perhaps none."""
    if self._finished:
      raise ValueError("this stream is finished; begin the next utterance with front_end.stream().")
    samples = check_samples(samples)
    self._heard += len(samples)
    self._wave = np.concatenate([self._wave, samples])
    left = self._kernel.framing.left
    if not self._begun and len(self._wave) >= self._kernel.framing.window - left:
      self._wave = np.pad(self._wave, (left, 0), mode="symmetric")
      self._begun = True
    return self._rows() if self._begun else self._stack(self._context[:0])

  def finish(self) -> Float32[np.ndarray, "t F"]:
    """The audio has ended -> its last rows: the tail, then the frames that stick out over the end."""
    rows = self.accept(self.front_end.tail(self._heard))
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
    return self._stack(self.front_end.normalize(frames))

  def _stack(self, frames: Float32[np.ndarray, "frames M"]) -> Float32[np.ndarray, "t F"]:
    front_end = self.front_end
    joined = np.concatenate([self._context, frames])
    rows = stack_frames(joined, front_end.stack, front_end.stride, self._skip)
    self._skip += len(rows) * front_end.stride - len(frames)
    self._context = joined[len(frames) :]
    return rows


def stack_frames(
  frames: Float32[np.ndarray, "frames M"], stack: int, stride: int, skip: int
) -> Float32[np.ndarray, "t F"]:
  """row[k] = frames[skip + stride k], ..., frames[skip + stride k + stack - 1], side by side, for every k that fits."""
  if len(frames) < stack:
    return np.zeros((0, stack * frames.shape[1]), np.float32)
  windows = np.lib.stride_tricks.sliding_window_view(frames, stack, axis=0)[skip::stride]
  return windows.transpose(0, 2, 1).reshape(len(windows), stack * frames.shape[1])


def check_samples(samples: np.ndarray) -> Float32[np.ndarray, "N"]:
  """The samples as float32 [N]; raises ValueError for integers, several channels, or values that are no numbers."""
  samples = np.asarray(samples)
  if samples.ndim != 1:
    raise ValueError(
      f"audio is one channel, an array [N], got shape {samples.shape}; average its channels first."
    )
  if samples.dtype.kind != "f":
    raise ValueError(
      f"audio is floating point in [-1, 1], got {samples.dtype}; divide 16-bit samples by 32768 first."
    )
  samples = samples.astype(np.float32, copy=False)
  if not np.isfinite(samples).all():
    raise ValueError(
      "audio holds NaN or infinite samples; look at where it was recorded or computed."
    )
  return samples
