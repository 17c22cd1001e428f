"""Sigmoid and tanh of 16-bit fixed-point numbers, without a floating-point operation.

Qm.n is a 16-bit number with m bits before the binary point and n = 15 - m behind it. Both functions
are made of e^a for a <= 0 and of a quotient:

    sigmoid(a) = 1 / (1 + e^-a)  for a > 0, and 1 - sigmoid(-a) for a < 0
    tanh(a)    = (1 - e^-2a) / (1 + e^-2a)  for a > 0, and odd

They are evaluated once for all 65,536 inputs and then looked up: a device may compute or look up,
the integers are the same. They are those of gemmlowp's int16 functions, as LiteRT's integer LSTM
calls them.
"""

import functools

import numpy as np
from jaxtyping import Int16, Integer

from edge_rnnt.device.fixed_point import high_multiply, rounding_divide, saturate

Values = Integer[np.ndarray, "N"]

ONE = 32767
"""1 in Q0.15, as near as it gets."""

INPUTS = np.arange(-32768, 32768)


def _q0(value: float) -> int:
  return round(value * 2.0**15)


EXP_OF_MINUS_POWERS = {e: _q0(np.exp(-(2.0**e))) for e in range(-2, 5)}


@functools.cache
def sigmoid_table() -> Int16[np.ndarray, "65536"]:
  """Q3.12 -> Q0.15: entry a + 32768 is sigmoid(a / 2^12) * 2^15, within 6.4."""
  size = np.abs(INPUTS)
  above = _reciprocal_of_one_plus(_exp(-size, integer_bits=3))
  table = np.where(INPUTS > 0, above, ONE - above)
  return np.where(INPUTS == 0, 1 << 14, table).astype(np.int16)


@functools.cache
def tanh_table(integer_bits: int) -> Int16[np.ndarray, "65536"]:
  """Q(m).(15-m) -> Q0.15, m = integer_bits.

  Entry a + 32768 is tanh(a / 2^(15-m)) * 2^15, within 12.1. Raises ValueError unless 0 <= m <= 6.
  """
  if not 0 <= integer_bits <= 6:
    raise ValueError(f"tanh takes 0 to 6 integer bits, got {integer_bits}")
  # The same 16 bits with one integer bit more are twice the number.
  x = _exp(-np.abs(INPUTS), integer_bits + 1)
  table = saturate((_newton_reciprocal(x) - (1 << 13)) << 2, 16)
  return np.where(INPUTS == 0, 0, np.sign(INPUTS) * table).astype(np.int16)


def look_up(table: Int16[np.ndarray, "65536"], x: Integer[np.ndarray, "..."]) -> np.ndarray:
  """The table's values at 16-bit inputs, as int64."""
  return table[x + 32768].astype(np.int64)


def _exp(a: Values, integer_bits: int) -> Values:
  """e^a in Q0.15 for a <= 0 in Q(m).(15-m).

  a = -k/4 - r with 0 < r <= 1/4: e^-r by its Taylor series, then one product with e^-(2^j) for
  every bit j of k/4.
  """
  fraction_bits = 15 - integer_bits
  quarter = 1 << (fraction_bits - 2)
  within = (a & (quarter - 1)) - quarter
  result = _exp_of_last_quarter(saturate(within << integer_bits, 16))
  rest = within - a
  for exponent, factor in EXP_OF_MINUS_POWERS.items():
    if exponent < integer_bits:
      bit = rest & (1 << (fraction_bits + exponent))
      result = np.where(bit != 0, high_multiply(result, factor, 16), result)
  if integer_bits > 5:
    result = np.where(a < -(32 << fraction_bits), 0, result)
  return np.where(a == 0, ONE, result)


def _exp_of_last_quarter(a: Values) -> Values:
  """e^a for -1/4 <= a < 0 in Q0.15: the series around -1/8 up to the fourth power.

  e^a = e^(-1/8) (1 + x + x^2/2 + x^3/6 + x^4/24),   x = a + 1/8
  """
  x = a + (1 << 12)
  x2 = high_multiply(x, x, 16)
  x3, x4 = high_multiply(x2, x, 16), high_multiply(x2, x2, 16)
  third = high_multiply(rounding_divide(x4, 2) + x3, _q0(1 / 3), 16)
  series = x + rounding_divide(third + x2, 1)
  base = _q0(np.exp(-1 / 8))
  return saturate(base + high_multiply(np.asarray(base), series, 16), 16)


def _newton_reciprocal(x: Values) -> Values:
  """2 / (1 + x) in Q2.13 for x in Q0.15, 0 < x <= 1: three Newton steps on d = (1 + x) / 2.

  y_0 = 48/17 - 32/17 d;   y <- y + y (1 - d y)
  """
  one = 1 << 13
  d = (x + ONE + 1) >> 1
  y = round(48 / 17 * one) + high_multiply(d, round(-32 / 17 * one), 16)
  for _ in range(3):
    error = one - high_multiply(d, y, 16)
    y = y + saturate(high_multiply(y, error, 16) << 2, 16)
  return y


def _reciprocal_of_one_plus(x: Values) -> Values:
  """1 / (1 + x) in Q0.15."""
  return saturate(_newton_reciprocal(x) << 1, 16)
