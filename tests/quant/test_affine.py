"""Formats of few bits, by hand and by their bounds."""

import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.quant.affine import (
  Affine,
  asymmetric,
  dequantize,
  power_of_two,
  quantize,
  symmetric,
  symmetric_scale,
)


@pytest.mark.parametrize(
  ("low", "high", "scale", "zero_point"),
  [
    (-1.0, 1.0, 2 / 255, 0.0),  # -128 + 127.5 = -0.5, ties to even
    (0.0, 2.55, 0.01, -128.0),
    (-2.55, 0.0, 0.01, 127.0),
    (1.0, 2.55, 0.01, -128.0),  # the range is widened to hold 0
    (-0.55, 2.0, 0.01, -73.0),
    (0.0, 0.0, 1.0, -128.0),
  ],
)
def test_asymmetric_formats_by_hand(low, high, scale, zero_point):
  format = asymmetric(np.float64(low), np.float64(high))
  assert format.scale == pytest.approx(scale, rel=1e-12)
  assert format.zero_point == zero_point
  assert quantize(np.zeros(1), format) == zero_point and dequantize(format.zero_point, format) == 0


@pytest.mark.parametrize(
  ("limit", "exponent"), [(0.0, 0), (0.3, 0), (1.0, 0), (1.01, 1), (10.0, 4), (16.0, 4), (900.0, 6)]
)
def test_power_of_two_covers_its_limit_up_to_the_largest(limit, exponent):
  format = power_of_two(np.float32(limit))
  assert format.scale == 2.0 ** (exponent - 15)
  assert quantize(np.float32([min(limit, 63.9)]), format) <= 32767


def test_symmetric_uses_its_range_and_no_more():
  format = symmetric(np.float32(2.54), 8)
  q = quantize(np.float32([-9, -2.54, -0.03, 0, 0.01, 0.03, 2.54]), format)
  assert q.tolist() == [-127, -127, -2, 0, 0, 2, 127]  # 0.01 and 0.03 are ties: to even


def test_a_tensor_of_zeros_has_scale_one():
  assert symmetric_scale(np.float32(0), 8) == 1
  assert symmetric_scale(np.float32([0, 127]), 8).tolist() == [1, 1]


def test_the_error_is_half_a_step_within_the_range_and_clipped_beyond():
  x = np.random.default_rng(0).uniform(-3, 5, 4000).astype(np.float32)
  format = asymmetric(np.float32(-2), np.float32(4))
  error = np.abs(dequantize(quantize(x, format), format) - np.clip(x, -2, 4))
  assert error.max() <= 1.01 * format.scale / 2 + format.scale / 2 * (error.max() > format.scale)
  inside = (x > -1.98) & (x < 3.98)
  assert error[inside].max() <= 0.5001 * format.scale


def test_numpy_and_jax_give_the_same_integers():
  rng = np.random.default_rng(1)
  x = rng.standard_normal((50, 40)).astype(np.float32)
  x[0] = np.arange(40) * 0.5 * 0.02  # ties
  for make in (lambda v: symmetric(abs(v).max(axis=0), 8), lambda v: asymmetric(v.min(), v.max())):
    host, traced = make(x), make(jnp.asarray(x))
    assert np.array_equal(host.scale, np.asarray(traced.scale))
    assert np.array_equal(quantize(x, host), np.asarray(quantize(jnp.asarray(x), traced)))
  tie = Affine(np.float32(0.02))
  assert np.array_equal(quantize(x, tie), np.asarray(quantize(jnp.asarray(x), tie)))


def test_what_is_no_array_or_has_no_bits_is_refused():
  with pytest.raises(TypeError, match="array, got list"):
    quantize([1.0], Affine(1.0))
  with pytest.raises(ValueError, match="2 bits or more, got 1"):
    symmetric(np.float32(1), 1)
