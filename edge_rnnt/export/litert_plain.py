"""Networks in LiteRT's plain operators, with states that are arguments: what an SRU needs, what
takes int8 weights with a scale per output, or sparse ones, and what LiteRT's CompiledModel runs.

Every value is a tensor [1, width]. Hybrid products are LiteRT's FULLY_CONNECTED on float rows and
int8 weights. Weights pruned in blocks of 16 inputs x 1 output are kept sparse where that leaves
out a quarter or more of them; LiteRT's sparse kernel takes one scale for all, not one per output.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_rnnt.export.decomposed import Matrix
from edge_rnnt.export.litert_graph import Graph, Quantization
from edge_rnnt.quant.affine import quantize, symmetric

BLOCK = 16
WORTHWHILE = 0.75
"""Share of blocks that a sparse matrix keeps at most: LiteRT's dense kernel is faster above."""

DENSE_VERSION, SPARSE_VERSION = 5, 8  # of FULLY_CONNECTED


class PlainGraph:
  """`decomposed.Operators` on a LiteRT graph. sparse: leave blocks of zeros out of int8 weights."""

  def __init__(self, graph: Graph, *, sparse: bool = False) -> None:
    self._graph, self._schema, self._sparse = graph, graph.schema, sparse
    self._count = 0

  def value(self, name: str, width: int) -> int:
    return self._graph.tensor(name, (1, width), "float32")

  def width(self, tensor: int) -> int:
    return self._graph.shape(tensor)[1]

  def constant(self, name: str, value: np.ndarray) -> int:
    return self._graph.constant(name, value.astype(np.float32).reshape(1, -1))

  def product(self, x: int, matrix: Matrix) -> int:
    return self.affine(x, matrix, np.zeros(matrix.weights.shape[1], np.float32))

  def affine(self, x: int, matrix: Matrix, bias: np.ndarray) -> int:
    """x W + bias."""
    weights, version = self._weights(matrix)
    added = self._graph.constant(f"{matrix.name}/bias", bias)
    options = self._schema.FullyConnectedOptionsT()
    return self._operator("FULLY_CONNECTED", [x, weights, added], len(bias), options, version)

  def _weights(self, matrix: Matrix) -> tuple[int, int]:
    """The tensor [out, in] and the version of the operator that reads it."""
    weights = np.ascontiguousarray(matrix.weights.T)
    if matrix.scale is None:
      return self._graph.constant(matrix.name, weights), 1
    if self._sparse and kept(weights) <= WORTHWHILE:
      real = weights * matrix.scale[:, None]
      format = symmetric(np.abs(real).max(keepdims=True), 8)
      one = Quantization(float(format.scale.item()))
      q = quantize(real, format).astype(np.int8)
      return self._graph.sparse(matrix.name, q, BLOCK, one), SPARSE_VERSION
    per_output = Quantization(matrix.scale.tolist())
    return self._graph.constant(matrix.name, weights, per_output), DENSE_VERSION

  def add(self, a: int, b: int) -> int:
    return self._operator("ADD", [a, b], self._wider(a, b), self._schema.AddOptionsT())

  def subtract(self, a: int, b: int) -> int:
    return self._operator("SUB", [a, b], self._wider(a, b), self._schema.SubOptionsT())

  def multiply(self, a: int, b: int) -> int:
    return self._operator("MUL", [a, b], self._wider(a, b), self._schema.MulOptionsT())

  def sigmoid(self, x: int) -> int:
    return self._operator("LOGISTIC", [x], self.width(x))

  def tanh(self, x: int) -> int:
    return self._operator("TANH", [x], self.width(x))

  def clip(self, x: int, limit: float) -> int:
    most, least = (self.constant(f"limit_{v}", np.array(v)) for v in (limit, -limit))
    below = self._operator("MINIMUM", [x, most], self.width(x))
    return self._operator("MAXIMUM", [below, least], self.width(x))

  def normalize(self, x: int, epsilon: float) -> int:
    centered = self.subtract(x, self._mean(x))
    variance = self._mean(self.multiply(centered, centered))
    shifted = self.add(variance, self.constant("epsilon", np.array(epsilon)))
    return self.multiply(centered, self._operator("RSQRT", [shifted], 1))

  def _mean(self, x: int) -> int:
    options = self._schema.ReducerOptionsT()
    options.keepDims = True
    axes = self._graph.constant("axes", np.int32([1]))
    return self._operator("MEAN", [x, axes], 1, options)

  def unstack(self, z: int, parts: int) -> list[int]:
    return self.split(z, [self.width(z) // parts] * parts)

  def split(self, x: int, widths: Sequence[int]) -> list[int]:
    """Columns of [1, sum of widths], apart."""
    if len(widths) == 1:
      return [x]
    outputs = [self._fresh("SPLIT", width) for width in widths]
    sizes = self._graph.constant(f"widths_{'_'.join(map(str, widths))}", np.int32(widths))
    axis = self._graph.constant("axis", np.array(1, np.int32))
    options = self._schema.SplitVOptionsT()
    options.numSplits = len(widths)
    self._graph.operator("SPLIT_V", [x, sizes, axis], outputs, options=options)
    return outputs

  def join(self, parts: Sequence[int]) -> int:
    """Side by side."""
    if len(parts) == 1:
      return parts[0]
    options = self._schema.ConcatenationOptionsT()
    options.axis = 1
    return self._operator("CONCATENATION", parts, sum(map(self.width, parts)), options)

  def _wider(self, a: int, b: int) -> int:
    return max(self.width(a), self.width(b))

  def _operator(
    self, name: str, inputs: Sequence[int], width: int, options: Any = None, version: int = 1
  ) -> int:
    output = self._fresh(name, width)
    self._graph.operator(name, inputs, [output], options=options, version=version)
    return output

  def _fresh(self, name: str, width: int) -> int:
    self._count += 1
    return self.value(f"{name}_{self._count}", width)


def kept(weights: np.ndarray) -> float:
  """Share of blocks of 16 inputs of [out, in] that are not all zero; 1 where blocks don't fit."""
  outputs, inputs = weights.shape
  if inputs % BLOCK:
    return 1.0
  return float(weights.reshape(outputs, -1, BLOCK).any(axis=2).mean())
