"""Matrix products of the float and hybrid engines: rows [B, D] times weights [D, E]."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float16, Float32, Int8

from edge_rnnt.quant.affine import quantize, symmetric

LARGEST_EXACT = 1 << 24
"""Whole numbers up to here, and sums of them in any order, are exact in float32."""


@runtime_checkable
class Product(Protocol):
  """x -> x W in float32."""

  def __call__(self, x: Float32[np.ndarray, "B D"]) -> Float32[np.ndarray, "B E"]: ...


class FloatProduct:
  """x W."""

  def __init__(self, weights: Float32[np.ndarray, "D E"]) -> None:
    self._weights = np.ascontiguousarray(weights, np.float32)

  def __call__(self, x: Float32[np.ndarray, "B D"]) -> Float32[np.ndarray, "B E"]:
    return x @ self._weights


class HybridProduct:
  """x W with W in 8 bits and x quantized on the fly, each row with its own scale.

    s = max |x| / 127;   q = round(x * (1 / s));   y = (q W_8) * (s * scale)

  The sum over integers is exact, the rest float32; a row of zeros gives zeros.
  Paper part "hybrid": symmetric weights and activations, float between the operations.
  """

  def __init__(self, weights: Int8[np.ndarray, "D E"], scale: Float32[np.ndarray, "E"]) -> None:
    self._weights = exact_operand(weights)
    self._scale = scale

  def __call__(self, x: Float32[np.ndarray, "B D"]) -> Float32[np.ndarray, "B E"]:
    rows = symmetric(np.abs(x).max(axis=1, keepdims=True), 8)
    q = quantize(x, rows).astype(self._weights.dtype, copy=False)
    return (q @ self._weights).astype(np.float32, copy=False) * (rows.scale * self._scale)


class GroupProduct:
  """x W with W in 4 bits and a scale for every output and group of inputs; x as in HybridProduct.

    y = s sum_k (q_k W_k) * scale_k          over the groups k, in this order, in float32

  The sums over integers are exact: at most 127 * 8 an input.
  """

  def __init__(
    self, weights: Int8[np.ndarray, "D E"], scale: Float16[np.ndarray, "K E"], group: int
  ) -> None:
    self._inputs, self._group, self._scale = len(weights), group, scale.astype(np.float32)
    padded = np.zeros((len(scale) * group, weights.shape[1]), np.int8)
    padded[: len(weights)] = weights
    self._weights = exact_operand(padded).reshape(len(scale), group, -1)

  def __call__(self, x: Float32[np.ndarray, "B D"]) -> Float32[np.ndarray, "B E"]:
    rows = symmetric(np.abs(x).max(axis=1, keepdims=True), 8)
    q = np.zeros((len(x), len(self._scale) * self._group), self._weights.dtype)
    q[:, : self._inputs] = quantize(x, rows)
    sums = q.reshape(len(x), -1, self._group).swapaxes(0, 1) @ self._weights
    y = np.zeros((len(x), self._scale.shape[1]), np.float32)
    for part, scale in zip(sums, self._scale, strict=True):
      y += part.astype(np.float32, copy=False) * scale
    return y * rows.scale


def exact_operand(weights: Int8[np.ndarray, "D E"]) -> np.ndarray:
  """The weights in the narrowest float type whose products with int8 rows are exact.

  Every partial sum of x W is a whole number of at most 128 * max_e sum_d |w_de|, x being of 8 bits.
  Up to 2^24 float32 holds it exactly, in whatever order BLAS adds (1,032 inputs in the worst case);
  up to 2^53 float64 does, which is beyond any matrix there is.
  """
  largest = 128 * int(np.abs(weights.astype(np.int64)).sum(axis=0).max(initial=0))
  return weights.astype(np.float32 if largest <= LARGEST_EXACT else np.float64)
