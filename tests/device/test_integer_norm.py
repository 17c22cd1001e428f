"""Integer layer norm against the real one."""

import numpy as np
import pytest

from edge_rnnt.device.integer_norm import integer_norm, inverse_sqrt, truncating_divide

# (x, mantissa, shift) that LiteRT's GetInvSqrtQuantizedMultiplierExp gives, compiled over gemmlowp.
LITERT_INVERSE_SQRT = [
  (1, 2147483647, 0),
  (2, 1518498372, 0),
  (3, 1239850284, 0),
  (5, 960383900, 0),
  (100, 214748363, 0),
  (1000, 271637587, -2),
  (12345, 309246148, -4),
  (1048576, 268435457, -7),
  (268435457, 268435457, -11),
  (536870919, 379624593, -12),
  (2147483647, 189812531, -12),
]


def test_inverse_sqrt_is_litert_s():
  x, mantissa, shift = np.array(LITERT_INVERSE_SQRT).T
  got = inverse_sqrt(x)
  assert got.mantissa.tolist() == mantissa.tolist() and got.shift.tolist() == shift.tolist()


def test_inverse_sqrt_is_within_its_bound():
  x = np.unique(np.geomspace(2, 2**30, 20000).astype(np.int64))
  got = inverse_sqrt(x)
  error = np.abs(got.mantissa * 2.0 ** (got.shift - 31.0) * np.sqrt(x) - 1)
  assert 1e-6 < error.max() <= 1.3e-6


def test_truncating_divide_goes_towards_zero():
  assert truncating_divide(np.array([7, -7, 8, -8]), 4).tolist() == [1, -1, 2, -2]


@pytest.mark.parametrize("cells", [24, 160, 256])
@pytest.mark.parametrize("scale", [3.0, 300.0, 3000.0])
def test_norm_is_the_real_one_to_a_few_steps(cells, scale):
  """Bound: a step of the normalized value (2^-10), two of the result (2^-12), a share of the value.

  The share is 1e-3, but a variance that is a small whole number is coarse: 8 % at 9.
  """
  rng = np.random.default_rng(cells)
  a = np.clip(np.round(scale * (rng.standard_normal((5, 2, cells)) + 0.5)), -32768, 32767)
  a = a.astype(np.int64)
  gain, gain_scale = rng.integers(8000, 32768, (2, cells)), np.float32([1.5, 0.8]) / 32767
  bias = rng.integers(-(10**6), 10**6, (2, cells)) * 8
  norm = integer_norm(gain, bias, gain_scale, 2.0**-12)
  unit = gain_scale[:, None].astype(np.float64)
  centered = a - a.mean(axis=-1, keepdims=True)
  normal = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True))
  real = np.clip(normal * gain * unit + bias * unit / 1024, -8, 32767 / 4096)
  error = np.abs(norm(a) / 4096 - real)
  relative = {3.0: 0.08, 300.0: 1e-3, 3000.0: 1e-3}[scale]
  assert (error <= 2 / 4096 + gain * unit / 1024 + relative * np.abs(normal * gain * unit)).all()


def test_equal_inputs_leave_the_bias_and_do_not_divide_by_zero():
  gain, bias = np.full((1, 8), 32767), np.arange(8)[None] * 1024
  norm = integer_norm(gain, bias, np.float32([2.0**-13]), 2.0**-12)
  assert norm(np.full((1, 1, 8), 77)).tolist() == [[[0, 1, 1, 2, 2, 3, 3, 4]]]


def test_result_saturates():
  norm = integer_norm(np.full((1, 4), 32767), np.zeros((1, 4), int), np.float32([1e-3]), 2.0**-12)
  assert norm(np.array([[[1000, -1000, 1000, -1000]]])).tolist() == [[[32767, -32768] * 2]]
