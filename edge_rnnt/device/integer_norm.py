"""Layer norm on integers: 16-bit pre-activations in any scale -> numbers in a chosen fixed point.

With n values a, gain L (int16) and bias b (int32, in units of gain scale * 2^-10):

  mean      = trunc(1024 sum(a) / n)                                 mean x 2^10
  variance  = trunc((sum(a^2) trunc(2^20 / n) - mean^2) / 2^20)      guard if below 1
  r         = (1024 a - mean) * 1/sqrt(variance)                     normalized x 2^10
  v         = rounding_divide(r L + b, 10)                           in units of the gain's scale
  result    = saturate(v * (gain scale / result scale), 16)

There is no epsilon: scale falls out, so a coarse pre-activation costs no accuracy while its
variance is far above 1. n need not be a power of two; then 2^20 / n, being whole, makes the mean
square at most n / 2^20 of itself too small.
As LiteRT's integer LSTM does it; Li and Alvarez 2021, "On the quantization of recurrent neural
networks".
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from edge_rnnt.device.fixed_point import (
  Multiplier,
  high_multiply,
  multiplier,
  multiply,
  rounding_divide,
  saturate,
)

NEWTON_STEPS = 5
HALF_SQRT_2 = 1518500250
"""sqrt(2) / 2 in Q0.31."""


class IntegerNorm(NamedTuple):
  """Layer norm of G gates of H cells, ready to run."""

  gain: Integer[np.ndarray, "G H"]
  bias: Integer[np.ndarray, "G H"]
  guard: Integer[np.ndarray, "G"]
  """The variance that is used when there is less than 1."""
  rescale: Multiplier
  """gain scale / result scale, [G, 1]."""

  def __call__(self, a: Integer[np.ndarray, "B G H"]) -> Integer[np.ndarray, "B G H"]:
    n = a.shape[-1]
    mean = truncating_divide(1024 * a.sum(axis=-1), n)
    square = (a * a).sum(axis=-1) * ((1 << 20) // n) - mean * mean
    variance = truncating_divide(square, 1 << 20)
    variance = np.where(variance < 1, self.guard, variance)
    inverse = Multiplier(*(part[..., None] for part in inverse_sqrt(variance)))
    r = multiply(1024 * a - mean[..., None], inverse)
    v = rounding_divide(r * self.gain + self.bias, 10)
    return saturate(multiply(v, self.rescale), 16)


def integer_norm(
  gain: Integer[np.ndarray, "G H"],
  bias: Integer[np.ndarray, "G H"],
  gain_scale: np.ndarray,
  result_scale: float,
) -> IntegerNorm:
  """Prepares the norm of G gates; gain_scale is float [G]."""
  return IntegerNorm(
    gain=gain.astype(np.int64),
    bias=bias.astype(np.int64),
    guard=np.maximum(1, (10000 * gain_scale).astype(np.int64)),
    rescale=multiplier(gain_scale[:, None].astype(np.float64) / result_scale),
  )


def truncating_divide(x: Integer[np.ndarray, "..."], by: int) -> Integer[np.ndarray, "..."]:
  """x / by towards zero, as C divides."""
  return np.sign(x) * (np.abs(x) // by)


def inverse_sqrt(x: Integer[np.ndarray, "..."]) -> Multiplier:
  """1 / sqrt(x) of whole x >= 1 by Newton's iteration in Q3.28, within 1.3e-6 of itself.

  x = 2 d 4^k, 1/4 <= d < 1;   y_0 = 1;   y <- 3/2 y - d/2 y^3;   1 / sqrt(x) = y / sqrt(2) / 2^k
  """
  one = np.int64(1 << 28)
  shift, d = _normalize(x)
  half = rounding_divide(d, 1)
  y = np.full_like(d, one)
  for _ in range(NEWTON_STEPS):
    cube = saturate(high_multiply(high_multiply(y, y, 32), y, 32) << 6, 32)
    step = high_multiply(y, one + (one >> 1), 32) - high_multiply(half, cube, 32)
    y = saturate(step << 3, 32)
  y = high_multiply(y, HALF_SQRT_2, 32)
  unit = x <= 1
  mantissa = np.where(unit, (1 << 31) - 1, y << np.maximum(-shift, 0))
  return Multiplier(mantissa, np.where(unit, 0, -np.maximum(shift, 0)))


def _normalize(x: Integer[np.ndarray, "..."]) -> tuple[np.ndarray, np.ndarray]:
  """(right shift of the result, d): x times a power of 4, so that d is 2^26 .. 2^28."""
  bits = np.frexp(x.astype(np.float64))[1]
  large = np.maximum((bits - 28) // 2, 0)
  pairs = np.maximum((29 - bits) // 2, 0)
  return 11 + large - pairs, ((x >> (2 * large)) << (2 * pairs)) >> 1
