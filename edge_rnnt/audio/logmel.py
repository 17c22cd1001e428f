"""Waveform -> log-mel frames: the numbers of kaldi-native-fbank as sherpa-onnx drives it for transducers.

25 ms frames every 10 ms, pre-emphasis 0.97, periodic Hann window, power spectrum of the next power of two,
Slaney's mel triangles with unit area, natural log floored at the smallest relative step of float32. No DC removal, no dither.

A frame's value must not depend on how many frames are computed with it, or audio in chunks would differ from audio in
one piece in the last bits. Matrix products choose other kernels for other shapes and so do not qualify. Here NumPy's
FFT walks row by row, and everything after it has one fixed shape, BLOCK frames, whatever was asked for.
"""

import dataclasses
import functools

import numpy as np
import scipy.sparse
from jaxtyping import Float32

PRE_EMPHASIS = np.float32(0.97)
LOG_FLOOR = np.finfo(np.float32).eps
BLOCK = 64  # frames at a time: few enough to stay in the cache, a multiple of every vector width


@dataclasses.dataclass(frozen=True)
class Framing:
  """The geometry of frames at one sample rate, in samples; frame f is centred on the middle of its hop."""

  window: int
  hop: int
  left: int  # samples by which frame 0 begins before the audio
  fft: int

  @classmethod
  def at(cls, sample_rate: int) -> "Framing":
    window, hop = sample_rate * 25 // 1000, sample_rate // 100
    return cls(window, hop, window // 2 - hop // 2, 1 << (window - 1).bit_length())

  def count(self, samples: int) -> int:
    """Frames of a finished utterance: its length in hops, rounded half up."""
    return (samples + self.hop // 2) // self.hop

  def span(self, frames: int) -> int:
    """Samples that so many consecutive frames cover."""
    return (frames - 1) * self.hop + self.window if frames else 0


def slaney_mel(hz: np.ndarray) -> np.ndarray:
  """Hz -> mel: linear (3 mel per 200 Hz) up to 1 kHz, then 27 mel for each factor of 6.4."""
  hz = np.asarray(hz, np.float32)
  above = 15 + np.float32(14.545078505785561) * np.log(np.maximum(hz, 1000) / 1000)
  return np.where(hz <= 1000, hz * 3 / np.float32(200), above).astype(np.float32)


def slaney_hz(mel: np.ndarray) -> np.ndarray:
  """Mel -> Hz, the inverse of slaney_mel."""
  mel = np.asarray(mel, np.float32)
  above = 1000 * np.exp((np.maximum(mel, 15) - 15) * np.float32(0.06875177742094911))
  return np.where(mel <= 15, np.float32(200 / 3) * mel, above).astype(np.float32)


def mel_triangles(
  sample_rate: int, num_mels: int, low_hz: float, high_hz: float
) -> Float32[np.ndarray, "M bins"]:
  """Weights [mel band, FFT bin]: triangles that meet at their neighbours' centres, each of area 1 in Hz.

  Float32 throughout, as in kaldi-native-fbank: with 128 bands the lowest triangles hold one or two bins each,
  and a bin near a triangle's foot shows any other rounding of that foot.

  Raises ValueError when a band is narrower than the spacing of the FFT's bins and would hear nothing.
  """
  fft = Framing.at(sample_rate).fft
  low, high = slaney_mel(np.float32(low_hz)), slaney_mel(np.float32(high_hz))
  step = (high - low) / np.float32(num_mels + 1)
  edges = slaney_hz(low + np.arange(num_mels + 2, dtype=np.float32) * step)
  left, centre, right = (edges[i : i + num_mels, None] for i in range(3))
  hz = np.arange(fft // 2 + 1, dtype=np.float32) * np.float32(sample_rate / fft)
  rising, falling = (hz - left) / (centre - left), (right - hz) / (right - centre)
  weights = np.maximum(np.where(hz <= centre, rising, falling), 0) * (2 / (right - left))
  deaf = np.flatnonzero(~weights.any(axis=1))
  if deaf.size:
    raise ValueError(
      f"{num_mels} mel bands from {low_hz:g} to {high_hz:g} Hz at {sample_rate} Hz are too many: "
      f"band {deaf[0]} falls between two bins of the {fft}-point FFT. Use fewer bands."
    )
  return weights.astype(np.float32)


class LogMel:
  """The kernel for one setting: a stretch of waveform -> the log-mel rows of all frames that fit into it."""

  def __init__(self, sample_rate: int, num_mels: int, low_hz: float, high_hz: float):
    self.framing = Framing.at(sample_rate)
    self.num_mels = num_mels
    phase = 2 * np.pi * np.arange(self.framing.window) / self.framing.window
    self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    weights = mel_triangles(sample_rate, num_mels, low_hz, high_hz)
    # Each bin lies in two triangles at most: a sparse product is both the cheapest and, one multiply-add after
    # another along the frames, blind to how many frames stand beside.
    self._weights = scipy.sparse.csr_array(weights)

  def __call__(self, wave: Float32[np.ndarray, "N"]) -> Float32[np.ndarray, "frames M"]:
    """e[n] = x[n] - 0.97 x[n-1];  P = |FFT(hann * e)|^2;  log(max(W P, eps)), for frames 0, hop, 2 hop, ... of wave.

    Pre-emphasis runs over the whole stretch at once: it should treat a frame's first sample apart, but there the
    window is zero.
    """
    shape = self.framing
    frames = max(0, (len(wave) - shape.window) // shape.hop + 1)
    rows = np.empty((frames, self.num_mels), np.float32)
    if not frames:
      return rows
    emphasized = wave.copy()
    emphasized[1:] -= PRE_EMPHASIS * wave[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(emphasized, shape.window)[:: shape.hop]
    power = np.zeros((BLOCK, shape.fft // 2 + 1), np.float32)
    for begin in range(0, frames, BLOCK):
      count = min(BLOCK, frames - begin)
      spectrum = np.fft.rfft(windows[begin : begin + count] * self._window, shape.fft)
      parts = spectrum.view(np.float32)
      parts *= parts
      np.add(parts[:, 0::2], parts[:, 1::2], out=power[:count])
      bands = self._weights @ np.ascontiguousarray(power.T)
      rows[begin : begin + count] = np.log(np.maximum(bands, LOG_FLOOR)).T[:count]
    return rows


@functools.lru_cache(maxsize=16)
def log_mel_kernel(sample_rate: int, num_mels: int, low_hz: float, high_hz: float) -> LogMel:
  """The LogMel of a setting, built once per process."""
  return LogMel(sample_rate, num_mels, low_hz, high_hz)
