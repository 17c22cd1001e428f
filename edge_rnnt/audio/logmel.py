"""Waveform -> log-mel: the numbers of kaldi-native-fbank as sherpa-onnx drives it for transducers.

25 ms frames every 10 ms, pre-emphasis 0.97, periodic Hann window, power spectrum of the next power
of two, Slaney's mel triangles of unit area, natural log floored at float32's epsilon. No DC
removal, no dither.

A frame's value must not depend on how many frames are computed with it, or audio in chunks would
differ from audio in one piece in the last bits. Matrix products choose other kernels for other
shapes, and batched FFTs treat the rows left over apart, so neither qualifies. Here NumPy's FFT
walks row by row, and everything after it has one fixed shape, BLOCK frames, whatever was asked for.

Nor may it depend on whose FFT and logarithm it is, or integer features on a device would differ
from those here: spectra, energies and logarithms are of 64 bits, whose last bits no longer show
when the result is rounded to 32.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Float, Float32

PRE_EMPHASIS = np.float32(0.97)
LOG_FLOOR = np.finfo(np.float32).eps
BLOCK = 64  # frames at a time: few enough to stay in the cache, a multiple of every vector width


@dataclasses.dataclass(frozen=True)
class Framing:
  """Where frames lie, in samples: frame f has its middle in the middle of hop f."""

  window: int
  hop: int
  left: int  # by how much frame 0 begins before the audio
  fft: int

  @classmethod
  def at(cls, sample_rate: int) -> "Framing":
    window, hop = sample_rate * 25 // 1000, sample_rate // 100
    return cls(window, hop, window // 2 - hop // 2, 1 << (window - 1).bit_length())

  def count(self, samples: int) -> int:
    """Frames of a finished utterance: its length in hops, rounded half up."""
    return (samples + self.hop // 2) // self.hop

  def span(self, frames: int) -> int:
    """Samples from the start of one frame to the end of the last of so many."""
    return (frames - 1) * self.hop + self.window


def slaney_mel(hz: Float[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
  """Hz -> mel: linear (3 mel per 200 Hz) up to 1 kHz, then 27 mel for each factor of 6.4."""
  hz = hz.astype(np.float32)
  above = 15 + np.float32(27 / np.log(6.4)) * _rounded(np.log, np.maximum(hz, 1000) / 1000)
  return np.where(hz <= 1000, hz * 3 / 200, above)


def slaney_hz(mel: Float[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
  """Mel -> Hz, the inverse of slaney_mel."""
  mel = mel.astype(np.float32)
  above = 1000 * _rounded(np.exp, (np.maximum(mel, 15) - 15) * np.float32(np.log(6.4) / 27))
  return np.where(mel <= 15, np.float32(200 / 3) * mel, above)


def _rounded(function: np.ufunc, x: Float32[np.ndarray, "..."] | np.float32) -> Any:
  """The nearest float32 to a function of float32: the same whoever computes it."""
  return function(x.astype(np.float64)).astype(np.float32)


def mel_edges(num_mels: int, low_hz: float, high_hz: float) -> Float32[np.ndarray, "edges"]:
  """The num_mels + 2 feet and peaks of the triangles, in mel, evenly from low_hz to high_hz."""
  low, high = slaney_mel(np.array([low_hz, high_hz]))
  return low + np.arange(num_mels + 2, dtype=np.float32) * ((high - low) / (num_mels + 1))


def mel_triangles(
  sample_rate: int, num_mels: int, low_hz: float, high_hz: float
) -> Float32[np.ndarray, "M bins"]:
  """Weights [mel band, FFT bin]: each triangle stands on its neighbours' peaks, area 1 (in Hz).

  Float32 throughout, as in kaldi-native-fbank: with 128 bands the lowest triangles hold one or two
  bins each, and a bin near a triangle's foot shows any other rounding of that foot.

  Raises ValueError when a band is so narrow that it falls between two bins and would hear nothing.
  """
  fft = Framing.at(sample_rate).fft
  edges = slaney_hz(mel_edges(num_mels, low_hz, high_hz))
  left, peak, right = (edges[i : i + num_mels, None] for i in range(3))
  hz = np.arange(fft // 2 + 1, dtype=np.float32) * np.float32(sample_rate / fft)
  rising, falling = (hz - left) / (peak - left), (right - hz) / (right - peak)
  weights = np.maximum(np.where(hz <= peak, rising, falling), 0) * (2 / (right - left))
  deaf = np.flatnonzero(~weights.any(axis=1))
  if deaf.size:
    raise ValueError(
      f"{num_mels} mel bands from {low_hz:g} to {high_hz:g} Hz are too many at {sample_rate} Hz: "
      f"band {deaf[0]} falls between two bins of the {fft}-point FFT. Use fewer bands."
    )
  return weights


class LogMel:
  """The kernel for one setting: a stretch of waveform -> the rows of all frames that fit in."""

  def __init__(self, sample_rate: int, num_mels: int, low_hz: float, high_hz: float):
    self.framing = Framing.at(sample_rate)
    self.num_mels = num_mels
    phase = 2 * np.pi * np.arange(self.framing.window) / self.framing.window
    self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    # A bin lies in two triangles at most: a sparse product is the cheapest, and it adds bin after
    # bin for all frames alike, so a frame does not feel how many stand beside it.
    triangles = mel_triangles(sample_rate, num_mels, low_hz, high_hz)
    self._weights = scipy.sparse.csr_array(triangles.astype(np.float64))

  def __call__(self, wave: Float32[np.ndarray, "N"]) -> Float32[np.ndarray, "frames M"]:
    """Log-mel rows of the frames that begin at samples 0, hop, 2 hop, ... of wave.

      e[n] = x[n] - 0.97 x[n-1];  P = |FFT(hann * e)|^2;  row = log(max(W P, eps))

    Pre-emphasis runs over the whole stretch: kaldi treats each frame's first sample apart, but
    there the window is zero.
    """
    framing = self.framing
    frames = max(0, (len(wave) - framing.window) // framing.hop + 1)
    rows = np.empty((frames, self.num_mels), np.float32)
    if not frames:
      return rows
    emphasized = wave.copy()
    emphasized[1:] -= PRE_EMPHASIS * wave[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(emphasized, framing.window)[:: framing.hop]
    power = np.zeros((BLOCK, framing.fft // 2 + 1))
    for begin in range(0, frames, BLOCK):
      count = min(BLOCK, frames - begin)
      weighted = windows[begin : begin + count] * self._window
      squares = np.fft.rfft(weighted.astype(np.float64), framing.fft).view(np.float64) ** 2
      np.add(squares[:, 0::2], squares[:, 1::2], out=power[:count])
      bands = self._weights @ np.ascontiguousarray(power.T)
      rows[begin : begin + count] = np.log(np.maximum(bands, LOG_FLOOR)).T[:count]
    return rows


@functools.lru_cache(maxsize=16)
def log_mel_kernel(sample_rate: int, num_mels: int, low_hz: float, high_hz: float) -> LogMel:
  """The LogMel of a setting, built once per process."""
  return LogMel(sample_rate, num_mels, low_hz, high_hz)
