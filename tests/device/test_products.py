"""Products of integers through float BLAS are exact, and the hybrid product is its formula."""

import numpy as np
import pytest

from edge_rnnt.device.products import FloatProduct, HybridProduct, exact_operand


def worst_case(rows: int) -> tuple[np.ndarray, np.ndarray]:
  """Every product has the largest size there is, the last one is odd."""
  x, weights = np.full((1, rows), -128, np.int8), np.full((rows, 1), 127, np.int8)
  x[0, -1], weights[-1, 0] = -127, 127
  return x, weights


@pytest.mark.parametrize(("rows", "dtype"), [(1032, np.float32), (1033, np.float64)])
def test_exact_up_to_the_bound_and_wider_beyond(rows, dtype):
  x, weights = worst_case(rows)
  operand = exact_operand(weights)
  assert operand.dtype == dtype
  exact = int((x.astype(np.int64) @ weights.astype(np.int64))[0, 0])
  assert int((x.astype(dtype) @ operand)[0, 0]) == exact


def test_float32_would_be_wrong_where_the_bound_refuses_it():
  x, weights = worst_case(4001)
  exact = int((x.astype(np.int64) @ weights.astype(np.int64))[0, 0])
  assert int((x.astype(np.float32) @ weights.astype(np.float32))[0, 0]) != exact


def test_the_bound_looks_at_the_weights_not_at_their_number():
  weights = np.zeros((5000, 3), np.int8)
  weights[:10] = 127
  assert exact_operand(weights).dtype == np.float32


def test_hybrid_product_is_its_formula_within_float_rounding():
  rng = np.random.default_rng(0)
  x = rng.standard_normal((7, 50)).astype(np.float32)
  x[3] = 0
  weights = rng.integers(-127, 128, (50, 9)).astype(np.int8)
  scale = rng.uniform(0.001, 0.01, 9).astype(np.float32)
  expected = np.zeros((7, 9))
  for row in range(7):
    step = np.float32(np.abs(x[row]).max() * np.float32(1 / 127)) or np.float32(1)
    q = np.round(x[row] * (1 / step)).astype(np.int64)
    expected[row] = (q @ weights.astype(np.int64)) * np.float64(step) * scale
  np.testing.assert_allclose(HybridProduct(weights, scale)(x), expected, rtol=1e-6, atol=1e-7)


def test_hybrid_product_is_close_to_the_float_one():
  rng = np.random.default_rng(1)
  x, weights = rng.standard_normal((64, 100)), rng.standard_normal((100, 32))
  x, weights = x.astype(np.float32), weights.astype(np.float32)
  scale = np.abs(weights).max(axis=0) / np.float32(127)
  hybrid = HybridProduct(np.round(weights / scale).astype(np.int8), scale)(x)
  exact = FloatProduct(weights)(x)
  assert 10 * np.log10((exact**2).sum() / ((exact - hybrid) ** 2).sum()) > 38  # dB; 39.6 measured
