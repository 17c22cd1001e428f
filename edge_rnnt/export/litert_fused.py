"""The three signatures with LiteRT's fused LSTM, whose states LiteRT keeps between calls.

  encode   frames [R, 1, F] -> encoded [1, J]            R: the time reduction
  predict  token int32 [1, 1] -> predicted [1, J]
  joint    encoded, predicted -> logits [1, V]

Both halves of the joint network's first product are in encode and predict, as they are needed once
per frame and once per token. Integer: features are quantized in front, `encoded` and `predicted`
are int16 in Q3.12, and logits the 32-bit sums, in one unit for all, of our own integer engine
(device/integer_network.py), whose numbers these are to the bit, save where a half of the joint
network alone exceeds 16 bits. FULLY_CONNECTED would round logits to 8 bits; BATCH_MATMUL doesn't.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.container import Frozen
from edge_rnnt.export.decomposed import Matrix
from edge_rnnt.export.layout import SCALE
from edge_rnnt.export.litert_graph import Graph, Model, Quantization
from edge_rnnt.export.litert_lstm import IntegerFormats, float_lstm, integer_lstm
from edge_rnnt.export.litert_plain import PlainGraph
from edge_rnnt.quant.affine import quantize, symmetric

Q0_15, Q0_7 = Quantization(2.0**-15), Quantization(2.0**-7)
GATE = Quantization(2.0**-12)


@runtime_checkable
class Scheme(Protocol):
  """What the three signatures are made of."""

  def enter(self, graph: Graph, frames: int) -> int:
    """frames [R, 1, F] in the numbers of the first layer."""
    ...

  def layer(self, graph: Graph, x: int, layer: Layer, frames: int) -> int:
    """x [frames, 1, D] -> [frames, 1, P]."""
    ...

  def half(self, graph: Graph, x: int, name: str) -> int:
    """The encoder's or the prediction network's output [1, P] -> its part of the joint [1, J]."""
    ...

  def embed(self, graph: Graph, token: int) -> int: ...

  def part(self, graph: Graph, name: str) -> int:
    """An argument of the joint network, as `half` makes it."""
    ...

  def logits(self, graph: Graph, encoded: int, predicted: int) -> int: ...


def add_signatures(model: Model, frozen: Frozen, *, hybrid: bool = False) -> None:
  """Adds encode, predict and joint. hybrid: a float model's matrices in int8.

  Raises ValueError for an SRU, which the fused operator is not.
  """
  scheme: Scheme = Integer(frozen) if frozen.scheme == "integer" else Float(frozen, hybrid)
  architecture = frozen.architecture

  graph = model.graph("encode")
  frames = graph.tensor(
    "frames", (architecture.time_reduction, 1, architecture.feature_dim), "float32"
  )
  x, count = scheme.enter(graph, frames), architecture.time_reduction
  for number, layer in enumerate(architecture.encoder):
    if number == architecture.time_reduction_after:
      x, count = reshape(graph, x, (1, 1, layer.input_dim)), 1
    x = scheme.layer(graph, x, layer, count)
  encoded = scheme.half(graph, reshape(graph, x, (1, architecture.encoder_dim)), "encoder")
  graph.finish({"frames": frames}, {"encoded": encoded})

  graph = model.graph("predict")
  token = graph.tensor("token", (1, 1), "int32")
  x = scheme.embed(graph, token)
  for layer in architecture.prediction:
    x = scheme.layer(graph, x, layer, 1)
  predicted = scheme.half(graph, reshape(graph, x, (1, architecture.prediction_dim)), "prediction")
  graph.finish({"token": token}, {"predicted": predicted})

  graph = model.graph("joint")
  parts = {name: scheme.part(graph, name) for name in ("encoded", "predicted")}
  graph.finish(parts, {"logits": scheme.logits(graph, parts["encoded"], parts["predicted"])})


def reshape(graph: Graph, x: int, shape: tuple[int, ...]) -> int:
  """The same numbers in another shape."""
  output = graph.like(x, f"{graph.name}/reshape_{'_'.join(map(str, shape))}", shape)
  wanted = graph.constant(f"shape_{'_'.join(map(str, shape))}", np.int32(shape))
  graph.operator("RESHAPE", [x, wanted], [output], options=graph.schema.ReshapeOptionsT())
  return output


def gather(graph: Graph, table: int, token: int) -> int:
  """Row `token` [1, 1] of a table [V, E] -> [1, 1, E]."""
  output = graph.like(table, "embedded", (1, 1, graph.shape(table)[1]))
  graph.operator(
    "GATHER", [table, token], [output], options=graph.schema.GatherOptionsT(), version=2
  )
  return output


def layer_arrays(frozen: Frozen, layer: Layer) -> dict[str, np.ndarray]:
  """A layer's tensors by short name."""
  prefix = f"{layer.path}/"
  return {
    name.removeprefix(prefix): tensor
    for name, tensor in frozen.tensors.items()
    if name.startswith(prefix)
  }


class Float:
  """Float, or hybrid with one scale for each of a gate's matrices."""

  def __init__(self, frozen: Frozen, hybrid: bool) -> None:
    self._frozen, self._hybrid = frozen, hybrid

  def enter(self, graph: Graph, frames: int) -> int:
    return frames

  def layer(self, graph: Graph, x: int, layer: Layer, frames: int) -> int:
    arrays = layer_arrays(self._frozen, layer)
    return float_lstm(graph, x, layer, arrays, frames, hybrid=self._hybrid)

  def embed(self, graph: Graph, token: int) -> int:
    table = self._frozen.tensors["prediction/embedding"]
    return gather(graph, graph.constant("prediction/embedding", table), token)

  def half(self, graph: Graph, x: int, name: str) -> int:
    tensors, matrix = self._frozen.tensors, self._matrix(f"joint/{name}")
    plain = PlainGraph(graph)
    if name == "encoder":
      return plain.product(x, matrix)
    return plain.affine(x, matrix, tensors["joint/bias"])

  def part(self, graph: Graph, name: str) -> int:
    return graph.tensor(name, (1, self._frozen.architecture.joint_dim), "float32")

  def logits(self, graph: Graph, encoded: int, predicted: int) -> int:
    plain = PlainGraph(graph)
    hidden = plain.tanh(plain.add(encoded, predicted))
    bias = self._frozen.tensors["joint/output_bias"]
    return plain.affine(hidden, self._matrix("joint/output_kernel"), bias)

  def _matrix(self, name: str) -> Matrix:
    weights = self._frozen.tensors[name]
    if not self._hybrid:
      return Matrix(name, weights, None)
    format = symmetric(np.abs(weights).max(axis=0), 8)
    return Matrix(name, quantize(weights, format).astype(np.int8), format.scale)


class Integer:
  """The integer scheme; an activation's format is looked up by its name in the device file."""

  def __init__(self, frozen: Frozen) -> None:
    self._frozen, self._tensors = frozen, frozen.tensors

  def enter(self, graph: Graph, frames: int) -> int:
    output = graph.tensor(
      "quantized", graph.shape(frames), "int8", self._format("encoder/layer_0/input")
    )
    graph.operator("QUANTIZE", [frames], [output])
    return output

  def layer(self, graph: Graph, x: int, layer: Layer, frames: int) -> int:
    path = layer.path
    output = self._format(f"{path}/output")
    formats = IntegerFormats(
      output=output,
      hidden=output if layer.projection is None else self._format(f"{path}/hidden"),
      gates={gate: self._format(f"{path}/gates/{gate}").scale for gate in layer.gates},
      cell=self._format(f"{path}/cell").scale,
    )
    return integer_lstm(graph, x, layer, layer_arrays(self._frozen, layer), formats, frames)

  def embed(self, graph: Graph, token: int) -> int:
    name = "prediction/embedding"
    scale = Quantization(float(self._tensors[name + SCALE][0]))
    return gather(graph, graph.constant(name, self._tensors[name], scale), token)

  def half(self, graph: Graph, x: int, name: str) -> int:
    """M (sum W q + b) in Q3.12, saturated to 16 bits; b takes out the zero point of q."""
    weights = self._tensors[f"joint/{name}"]
    bias = -graph.zero_point(x) * weights.astype(np.int64).sum(axis=0)
    if name == "prediction":
      bias = bias + self._tensors["joint/bias"]
    sums = self._sums(graph, x, f"joint/{name}", bias)
    output = graph.tensor(f"{name}/half", graph.shape(sums), "int16", GATE)
    graph.operator("QUANTIZE", [sums], [output])
    return output

  def part(self, graph: Graph, name: str) -> int:
    return graph.tensor(name, (1, self._frozen.architecture.joint_dim), "int16", GATE)

  def logits(self, graph: Graph, encoded: int, predicted: int) -> int:
    shape, options = graph.shape(encoded), graph.schema.AddOptionsT()
    options.potScaleInt16 = True
    added, tanh, hidden = (
      graph.tensor(name, shape, dtype, format)
      for name, dtype, format in (
        ("added", "int16", GATE), ("tanh", "int16", Q0_15), ("hidden", "int8", Q0_7),
      )
    )  # fmt: skip
    graph.operator("ADD", [encoded, predicted], [added], options=options, version=2)
    graph.operator("TANH", [added], [tanh], version=3)
    graph.operator("QUANTIZE", [tanh], [hidden])
    return self._sums(graph, hidden, "joint/output_kernel", self._tensors["joint/output_bias"])

  def _sums(self, graph: Graph, x: int, name: str, bias: np.ndarray) -> int:
    """sum W q + bias in 32 bits; BATCH_MATMUL from int8 to int32 knows no zero points."""
    weights, scale = self._tensors[name], float(self._tensors[name + SCALE][0])
    # Scales multiply in float32, as in our engine: the multiplier must be its own.
    unit = Quantization(float(np.float32(scale) * np.float32(graph.scale(x))))
    matrix = graph.constant(name, np.ascontiguousarray(weights.T), Quantization(scale))
    shape, options = (1, weights.shape[1]), graph.schema.BatchMatMulOptionsT()
    options.adjY = True
    products, sums = (
      graph.tensor(f"{name}/{part}", shape, "int32", unit) for part in ("xw", "sum")
    )
    graph.operator("BATCH_MATMUL", [x, matrix], [products], options=options, version=4)
    added = graph.constant(f"{name}/bias", bias.astype(np.int32).reshape(shape), unit)
    graph.operator("ADD", [products, added], [sums], options=graph.schema.AddOptionsT())
    return sums

  def _format(self, name: str) -> Quantization:
    stored: Mapping[str, Any] = self._frozen.activations[name]
    return Quantization(float(stored["scale"]), int(stored["zero_point"]))
