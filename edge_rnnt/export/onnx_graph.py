"""Writes ONNX graphs by hand: an `OnnxGraph` collects nodes and weights and knows no speech.

Values are names. Needs the package onnx; no other framework.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge_rnnt.export.decomposed import Matrix

OPSET = 17  # has LayerNormalization; every ONNX Runtime since 1.12 (2022) reads it
IR_VERSION = 8
TYPES = {"float32": "FLOAT", "int32": "INT32", "int64": "INT64"}
MIDDLE = np.uint8(128)
SMALLEST = np.float32(np.finfo(np.float32).tiny)


class OnnxMissing(RuntimeError):
  """The package that writes ONNX files is not installed."""


def library() -> Any:
  """The package onnx; raises OnnxMissing."""
  try:
    import onnx
  except ImportError as error:
    raise OnnxMissing("writing ONNX models needs the package onnx: pip install onnx") from error
  return onnx


class OnnxGraph:
  """A model in the making; implements `decomposed.Operators` on rows [..., width]."""

  def __init__(self, name: str):
    self._onnx = library()
    self._name = name
    self._nodes: list[Any] = []
    self._constants: dict[str, Any] = {}
    self._inputs: list[Any] = []
    self._outputs: list[Any] = []
    self._count = 0

  def input(self, name: str, dtype: str, shape: Sequence[int | str]) -> str:
    """An argument of the model; a string in the shape is an axis of any length."""
    self._inputs.append(self._info(name, dtype, shape))
    return name

  def output(self, value: str, name: str, dtype: str, shape: Sequence[int | str]) -> None:
    self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
    self._outputs.append(self._info(name, dtype, shape))

  def _info(self, name: str, dtype: str, shape: Sequence[int | str]) -> Any:
    kind = getattr(self._onnx.TensorProto, TYPES[dtype])
    return self._onnx.helper.make_tensor_value_info(name, kind, list(shape))

  def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
    """Appends a node of one output, and returns it."""
    return self.nodes(kind, inputs, 1, **attributes)[0]

  def nodes(self, kind: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
    self._count += 1
    outputs = [f"{kind}_{self._count}_{number}" for number in range(count)]
    self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), outputs, **attributes))
    return outputs

  def constant(self, name: str, value: np.ndarray) -> str:
    """A weight; the same name is the same weight, however often it is asked for."""
    if name not in self._constants:
      content = np.array(value, order="C")
      self._constants[name] = self._onnx.numpy_helper.from_array(content, name)
    return name

  def integers(self, *values: int) -> str:
    """A small int64 constant, as shapes and axes are given."""
    return self.constant(f"integers_{'_'.join(map(str, values))}", np.array(values, np.int64))

  def reshape(self, x: str, *shape: int) -> str:
    """0 keeps an axis, -1 takes what is left."""
    return self.node("Reshape", x, self.integers(*shape))

  def slice(self, x: str, axis: int, begin: int, end: int) -> str:
    return self.node("Slice", x, self.integers(begin), self.integers(end), self.integers(axis))

  def concat(self, parts: Sequence[str], axis: int) -> str:
    return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=axis)

  def at(self, x: str, index: int, axis: int) -> str:
    """One entry along an axis, which goes."""
    return self.node("Gather", x, self.constant(f"index_{index}", np.array(index)), axis=axis)

  def add(self, a: str, b: str) -> str:
    return self.node("Add", a, b)

  def subtract(self, a: str, b: str) -> str:
    return self.node("Sub", a, b)

  def multiply(self, a: str, b: str) -> str:
    return self.node("Mul", a, b)

  def sigmoid(self, x: str) -> str:
    return self.node("Sigmoid", x)

  def tanh(self, x: str) -> str:
    return self.node("Tanh", x)

  def clip(self, x: str, limit: float) -> str:
    low, high = (self.constant(f"limit_{v}", np.array(v, np.float32)) for v in (-limit, limit))
    return self.node("Clip", x, low, high)

  def normalize(self, x: str, epsilon: float) -> str:
    # By parts: LayerNormalization wants a gain of the row's width, which the caller has anyway.
    centered = self.subtract(x, self.node("ReduceMean", x, axes=[-1], keepdims=1))
    variance = self.node("ReduceMean", self.multiply(centered, centered), axes=[-1], keepdims=1)
    shifted = self.add(variance, self.constant("epsilon", np.array(epsilon, np.float32)))
    return self.node("Div", centered, self.node("Sqrt", shifted))

  def unstack(self, z: str, parts: int) -> list[str]:
    return self.nodes("Split", [z], parts, axis=-1)

  def product(self, x: str, matrix: Matrix) -> str:
    if matrix.scale is None:
      return self.node("MatMul", x, self.constant(matrix.name, matrix.weights))
    return self._hybrid(x, matrix)

  def affine(self, x: str, matrix: Matrix, name: str, bias: np.ndarray) -> str:
    """x W + bias."""
    # ONNX Runtime (1.32) makes one operator of an integer product, its scales and an addition, and
    # loses the bias if the rows have scales of their own. It leaves a subtraction alone.
    return self.subtract(self.product(x, matrix), self.constant(f"{name}.negative", -bias))

  def _hybrid(self, x: str, matrix: Matrix) -> str:
    """device/products.py's HybridProduct: s = max |x| / 127, y = (round(x * (1/s)) W_8) s scale.

    Both factors are stored with 128 added (and their zero point says so): ONNX Runtime's AVX2
    kernel for unsigned rows and signed weights saturates its sums, that for unsigned weights
    doesn't.
    """
    largest = self.node("ReduceMax", self.node("Abs", x), axes=[-1], keepdims=1)
    scale = self.multiply(largest, self.constant("one_127th", np.array(1 / 127, np.float32)))
    # A row of zeros: any scale gives zeros.
    scale = self.node("Max", scale, self.constant("smallest", np.array(SMALLEST)))
    q = self.node("Round", self.multiply(x, self.node("Reciprocal", scale)))
    q = self.add(q, self.constant("middle_float", np.array(128, np.float32)))
    q = self.node("Cast", q, to=self._onnx.TensorProto.UINT8)
    shifted = (matrix.weights.astype(np.int16) + 128).astype(np.uint8)
    middle = self.constant("middle", np.array(MIDDLE))
    weights = self.constant(matrix.name, shifted)
    sums = self.node("MatMulInteger", q, weights, middle, middle)
    sums = self.node("Cast", sums, to=self._onnx.TensorProto.FLOAT)
    factor = self.multiply(scale, self.constant(f"{matrix.name}.scale", matrix.scale))
    return self.multiply(sums, factor)

  def to_bytes(self, metadata: Mapping[str, Any], description: str) -> bytes:
    """The model, checked; the same calls give the same bytes."""
    helper = self._onnx.helper
    graph = helper.make_graph(
      self._nodes, self._name, self._inputs, self._outputs, list(self._constants.values())
    )
    model = helper.make_model(
      graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="edge_rnnt"
    )
    model.ir_version, model.doc_string = IR_VERSION, description
    helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    self._onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
