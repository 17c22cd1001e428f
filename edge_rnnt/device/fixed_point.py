"""Arithmetic on integers that stand for real numbers: every rounding of the integer engine is here.

Values are int64 arrays that hold what a device keeps in 8, 16 or 32 bits; `saturate` marks where
one is written to its narrow type. Rounding is to nearest; how ties go is said at each function.

gemmlowp's fixed-point primitives and LiteRT's MultiplyByQuantizedMultiplier (the build that rounds
twice), in formulas of our own that give the same integers.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

Integers = Integer[np.ndarray, "..."]


class Multiplier(NamedTuple):
  """A real factor as  mantissa * 2^(shift - 31),  mantissa in 2^30 .. 2^31 - 1 (or 0).

  Plain numbers, or arrays that broadcast against what is multiplied.
  """

  mantissa: Any
  shift: Any


def multiplier(real: Any) -> Multiplier:
  """The 31-bit approximation of positive factors below 2^31, each within 2^-31 of itself.

  Factors below 2^-32 become 0. Raises ValueError for any that is negative, huge or not a number.
  """
  real = np.asarray(real, np.float64)
  if not ((real >= 0) & (real < 2.0**31)).all():
    raise ValueError(f"a fixed-point multiplier stands for a factor in 0 .. 2^31, got {real}")
  fraction, shift = np.frexp(real)
  mantissa = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
  full = mantissa == 1 << 31
  mantissa, shift = np.where(full, 1 << 30, mantissa), shift.astype(np.int64) + full
  gone = shift < -31
  return Multiplier(np.where(gone, 0, mantissa), np.where(gone, 0, shift))


def saturate(x: Integers, bits: int) -> Integers:
  """The nearest value that a signed type of `bits` holds."""
  # Two calls, yet twice as fast as numpy.clip on rows of a few hundred.
  return np.minimum(np.maximum(x, -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def rounding_divide(x: Integers, exponent: Any) -> Integers:
  """x / 2^exponent, ties away from zero; exponent >= 0, a number or an array."""
  half = (1 << exponent) >> 1
  return (x + half - ((x < 0) & (half > 0))) >> exponent


def high_multiply(a: Integers, b: Any, bits: int) -> Integers:
  """a * b / 2^(bits-1): the product of two numbers of -1 .. 1 in `bits` bits, ties up.

  The most negative number squared, which would be 1, saturates.
  """
  return np.minimum((a * b + (1 << (bits - 2))) >> (bits - 1), (1 << (bits - 1)) - 1)


def multiply(x: Integers, factor: Multiplier) -> Integers:
  """x * factor on 32-bit x, rounded twice.

    y = high_multiply(x * 2^max(shift, 0), mantissa);   result = rounding_divide(y, max(-shift, 0))

  The shifted x saturates to 32 bits. As long as it does not,
  |result - x * factor| <= 1/2 + 1/2 * 2^min(shift, 0) + |x| * factor * 2^-31.
  """
  left = np.maximum(factor.shift, 0)
  if left.any():
    x = saturate(x << left, 32)
  return rounding_divide(high_multiply(x, factor.mantissa, 32), left - factor.shift)


def log2_exact(scale: float) -> int:
  """k of a scale 2^k; raises ValueError for any other number."""
  fraction, exponent = math.frexp(scale)
  if fraction != 0.5:
    raise ValueError(f"expected a power of two, got {scale}")
  return exponent - 1
