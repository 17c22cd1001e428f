"""Every rounding of the integer engine, against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest

from edge_rnnt.device.fixed_point import (
  Multiplier,
  high_multiply,
  log2_exact,
  multiplier,
  multiply,
  rounding_divide,
  saturate,
)

INT32 = (-(2**31), 2**31 - 1)


def scalar_multiply(x: int, mantissa: int, shift: int) -> int:
  """`multiply` spelled out for one number, in Python's unbounded integers."""
  x = min(max(x * 2 ** max(shift, 0), INT32[0]), INT32[1])
  product = math.floor(Fraction(x * mantissa, 2**31) + Fraction(1, 2))
  quotient = Fraction(min(product, INT32[1]), 2 ** max(-shift, 0))
  return int(math.copysign(math.floor(abs(quotient) + Fraction(1, 2)), quotient))


@pytest.mark.parametrize(
  ("x", "exponent", "expected"),
  [(5, 1, 3), (-5, 1, -3), (6, 2, 2), (-6, 2, -2), (7, 0, 7), (-7, 0, -7), (-9, 2, -2), (1, 1, 1)],
)
def test_rounding_divide_sends_ties_away_from_zero(x, exponent, expected):
  assert rounding_divide(np.array([x]), exponent) == expected


def test_rounding_divide_takes_an_exponent_for_every_element():
  x, exponents = np.array([-5, -5, -5, 5]), np.array([0, 1, 2, 2])
  assert rounding_divide(x, exponents).tolist() == [-5, -3, -1, 1]


@pytest.mark.parametrize(
  ("a", "b", "expected"),
  [(1 << 14, 1, 1), (-(1 << 14), 1, 0), (-(1 << 14) - 1, 1, -1), (-32768, -32768, 32767)],
)
def test_high_multiply_sends_ties_up_and_saturates_one(a, b, expected):
  assert high_multiply(np.array([a]), b, 16) == expected


def test_saturate_stops_at_the_ends():
  assert saturate(np.array([-129, -128, 127, 128]), 8).tolist() == [-128, -128, 127, 127]


def test_multiply_equals_the_scalar_definition():
  rng = np.random.default_rng(0)
  x = np.concatenate([rng.integers(*INT32, 3000), [0, 1, -1, *INT32]])
  mantissa = rng.integers(1 << 30, 1 << 31, len(x))
  shift = rng.integers(-20, 4, len(x))
  got = multiply(x, Multiplier(mantissa, shift))
  assert got.tolist() == [
    scalar_multiply(*map(int, v)) for v in zip(x, mantissa, shift, strict=True)
  ]


def test_multiply_is_within_its_bound_of_the_real_product():
  rng = np.random.default_rng(1)
  x = rng.integers(-(1 << 24), 1 << 24, 5000)
  factor = np.exp(rng.uniform(np.log(1e-6), np.log(60.0), len(x)))
  approximate = multiplier(factor)
  error = np.abs(multiply(x, approximate) - x * factor)
  bound = 0.5 + 0.5 * 2.0 ** np.minimum(approximate.shift, 0) + np.abs(x) * factor * 2.0**-31
  assert (error <= bound + 1e-6).all()
  assert error.max() > 0.6  # rounding twice is seen


def test_multiplier_is_within_2_to_the_minus_31():
  factors = np.exp(np.random.default_rng(2).uniform(-20, 20, 1000))
  got = multiplier(factors)
  assert ((got.mantissa >= 1 << 30) & (got.mantissa < 1 << 31)).all()
  real = got.mantissa * 2.0 ** (got.shift - 31.0)
  assert (np.abs(real / factors - 1) <= 2.0**-31).all()


def test_multiplier_of_a_number_just_below_a_power_of_two_carries_over():
  assert multiplier(1 - 2.0**-40) == Multiplier(1 << 30, 1)


def test_multiplier_of_almost_nothing_is_zero():
  assert multiplier(2.0**-40) == Multiplier(0, 0)


@pytest.mark.parametrize("factor", [-0.5, np.nan, 2.0**31, np.inf])
def test_factors_without_a_multiplier_are_refused(factor):
  with pytest.raises(ValueError, match="factor in 0"):
    multiplier(factor)


def test_log2_of_a_power_of_two_is_exact_and_of_others_refused():
  assert [log2_exact(2.0**-k) for k in (0, 9, 15)] == [0, -9, -15]
  with pytest.raises(ValueError, match=r"0\.3"):
    log2_exact(0.3)
