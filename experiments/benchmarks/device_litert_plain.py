"""The layer in LiteRT's plain operators: 8-bit weights with a scale per output, dense or sparse.

LiteRT's sparse kernel takes blocks of 16 inputs x 1 output, and one scale for all of them.
"""

from typing import Any

import numpy as np

from edge_rnnt.export import decomposed
from edge_rnnt.export.litert_graph import Graph, Model, Quantization
from experiments.benchmarks.device_layer import CELLS, WIDTH, Problem, draw
from experiments.benchmarks.device_litert import LiteRTLayer
from experiments.benchmarks.device_runtime import Runtime

SPARSE_BLOCK = (16, 1)
DENSE_VERSION, SPARSE_VERSION = 5, 8  # of FULLY_CONNECTED


class PlainGraph:
  """`decomposed.Operators` on a LiteRT graph; every value is a tensor [1, width]."""

  def __init__(self, graph: Graph, sparse: bool) -> None:
    self._graph, self._schema, self._sparse = graph, graph.schema, sparse
    self._widths: dict[int, int] = {}

  def value(self, name: str, width: int) -> int:
    index = self._graph.tensor(name, (1, width), "float32")
    self._widths[index] = width
    return index

  def constant(self, name: str, value: np.ndarray) -> int:
    index = self._graph.constant(name, np.float32(value).reshape(1, -1))
    self._widths[index] = np.size(value)
    return index

  def product(self, x: int, matrix: decomposed.Matrix) -> int:
    outputs = matrix.weights.shape[1]
    weights = np.ascontiguousarray(matrix.weights.T)
    sparse = self._sparse and _zero_blocks(weights)
    if sparse:
      real = weights * matrix.scale[:, None]
      scale = np.float32(np.abs(real).max() / 127)
      index = self._sparse_weights(matrix.name, np.round(real / scale).astype(np.int8), scale)
    else:
      index = self._graph.constant(matrix.name, weights, Quantization(1.0))
      quantization = self._graph._graph.tensors[index].quantization
      quantization.scale, quantization.zeroPoint = matrix.scale.tolist(), [0] * outputs
      quantization.quantizedDimension = 0
    bias = self._graph.constant(f"{matrix.name}/none", np.zeros(outputs, np.float32))
    options = self._schema.FullyConnectedOptionsT()
    version = SPARSE_VERSION if sparse else DENSE_VERSION
    return self._operator("FULLY_CONNECTED", [x, index, bias], outputs, options, version)

  def _sparse_weights(self, name: str, weights: np.ndarray, scale: np.float32) -> int:
    """The blocks of 16 inputs that are not zero, row after row, and where they are in theirs."""
    outputs, inputs = weights.shape
    blocks = weights.reshape(outputs, inputs // 16, 16)
    keep = blocks.any(axis=2)
    index = self._graph.constant(name, blocks[keep], Quantization(float(scale)))
    tensor = self._graph._graph.tensors[index]
    tensor.shape = [outputs, inputs]
    segments = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])
    sparsity = self._schema.SparsityParametersT()
    sparsity.traversalOrder, sparsity.blockMap = [0, 1, 2], [1]
    sparsity.dimMetadata = [self._dimension(dense=outputs), None, self._dimension(dense=16)]
    sparsity.dimMetadata[1] = self._dimension(segments=segments, indices=np.nonzero(keep)[1])
    tensor.sparsity = sparsity
    return index

  def _dimension(
    self, dense: int = 0, segments: np.ndarray | None = None, indices: np.ndarray | None = None
  ) -> Any:
    schema = self._schema
    dimension = schema.DimensionMetadataT()
    if segments is None or indices is None:
      dimension.format, dimension.denseSize = schema.DimensionType.DENSE, dense
      return dimension
    dimension.format = schema.DimensionType.SPARSE_CSR
    for name, values in (("arraySegments", segments), ("arrayIndices", indices)):
      vector = schema.Int32VectorT()
      vector.values = values.astype(np.int32)
      setattr(dimension, name, vector)
      setattr(dimension, f"{name}Type", schema.SparseIndexVector.Int32Vector)
    return dimension

  def add(self, a: int, b: int) -> int:
    return self._operator("ADD", [a, b], self._wider(a, b), self._schema.AddOptionsT())

  def subtract(self, a: int, b: int) -> int:
    return self._operator("SUB", [a, b], self._wider(a, b), self._schema.SubOptionsT())

  def multiply(self, a: int, b: int) -> int:
    return self._operator("MUL", [a, b], self._wider(a, b), self._schema.MulOptionsT())

  def sigmoid(self, x: int) -> int:
    return self._operator("LOGISTIC", [x], self._widths[x])

  def tanh(self, x: int) -> int:
    return self._operator("TANH", [x], self._widths[x])

  def clip(self, x: int, limit: float) -> int:
    below = self._operator(
      "MINIMUM", [x, self.constant("most", np.float32(limit))], self._widths[x]
    )
    least = self.constant("least", np.float32(-limit))
    return self._operator("MAXIMUM", [below, least], self._widths[x])

  def normalize(self, x: int, epsilon: float) -> int:
    centered = self.subtract(x, self._mean(x))
    variance = self._mean(self.multiply(centered, centered))
    shifted = self.add(variance, self.constant("epsilon", np.float32(epsilon)))
    return self.multiply(centered, self._operator("RSQRT", [shifted], 1))

  def _mean(self, x: int) -> int:
    options = self._schema.ReducerOptionsT()
    options.keepDims = True
    axis = self._graph.constant("axis", np.int32([1]))
    return self._operator("MEAN", [x, axis], 1, options)

  def unstack(self, z: int, parts: int) -> list[int]:
    options = self._schema.SplitOptionsT()
    options.numSplits = parts
    width = self._widths[z] // parts
    outputs = [self.value(f"part_{z}_{k}", width) for k in range(parts)]
    axis = self._graph.constant("axis", np.array(1, np.int32))
    self._graph.operator("SPLIT", [axis, z], outputs, options=options)
    return outputs

  def _wider(self, a: int, b: int) -> int:
    return max(self._widths[a], self._widths[b])

  def _operator(
    self, name: str, inputs: list[int], width: int, options: Any = None, version: int = 1
  ) -> int:
    output = self.value(f"{name}_{len(self._widths)}", width)
    self._graph.operator(name, inputs, [output], options=options, version=version)
    return output


class PlainLayer(LiteRTLayer):
  """A model x, h, c -> h, c; its state goes round outside of what is timed."""

  def __init__(self, content: bytes) -> None:
    super().__init__(content)
    inputs = {each["name"]: each["index"] for each in self._runtime.get_input_details()}
    outputs = {tuple(each["shape"])[-1]: each for each in self._runtime.get_output_details()}
    self._x = next(each for each in self._runtime.get_input_details() if each["name"] == "x")
    self._y, c = outputs[WIDTH], outputs[CELLS]
    self._round = ((self._y["index"], inputs["h"]), (c["index"], inputs["c"]))
    for (_, index), width in zip(self._round, (WIDTH, CELLS), strict=True):
      self._runtime.set_tensor(index, np.zeros((1, width), np.float32))
    self._begun = False

  def feed(self, x: np.ndarray) -> None:
    if self._begun:
      for source, target in self._round:
        self._runtime.set_tensor(target, self._runtime.get_tensor(source))
    self._begun = True
    super().feed(x)


def runtime(problem: Problem) -> Runtime:
  """The hybrid layer in plain operators, sparse where the problem is; blocks must be 16x1 then."""
  sparse = problem.sparsity > 0
  if sparse and problem.block != SPARSE_BLOCK:
    raise ValueError(f"LiteRT's sparse kernel takes blocks of 16x1, not {problem.block}")
  drawn = draw(problem)
  model = Model("the paper's layer")
  graph = model.graph("step")
  plain = PlainGraph(graph, sparse)
  x = plain.value("x", WIDTH)
  before = decomposed.State(c=plain.value("c", CELLS), h=plain.value("h", WIDTH))
  weights = decomposed.layer_weights(drawn.frozen["hybrid"], drawn.layer)
  after, _ = decomposed.step(plain, weights, plain.product(x, weights.inputs), before)
  graph.finish({"x": x, "h": before.h, "c": before.c}, {"h_out": after.h, "c_out": after.c})
  content = model.to_bytes()
  return Runtime("LiteRT plain", "hybrid", problem, len(content), PlainLayer(content))


def _zero_blocks(weights: np.ndarray) -> bool:
  """Whether enough blocks of 16 inputs of [outputs, inputs] are zero to leave them out."""
  blocks = weights.reshape(len(weights), -1, 16)
  return blocks.any(axis=2).mean() < 0.75
