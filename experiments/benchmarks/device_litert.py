"""The layer as LiteRT's fused operator, in its three schemes."""

from collections.abc import Mapping

import numpy as np

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Graph, Model, Quantization
from edge_rnnt.export.litert_lstm import GATES, OPERATOR, IntegerFormats, integer_lstm
from experiments.benchmarks.device_layer import PATH, WIDTH, Problem, draw
from experiments.benchmarks.device_runtime import Runtime

VERSIONS = {"float": 1, "hybrid": 2}
TANH = 4
CELL_CLIP = 10.0


class LiteRTLayer:
  """A model with one input "x" and one output "y", stepped by LiteRT's interpreter."""

  def __init__(self, content: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    self._runtime = Interpreter(model_content=content, num_threads=1)
    self._runtime.allocate_tensors()
    self._runtime.reset_all_variables()
    self._x, self._y = self._runtime.get_input_details()[0], self._runtime.get_output_details()[0]

  def feed(self, x: np.ndarray) -> None:
    scale, zero = self._x["quantization"]
    if scale:
      x = np.clip(np.round(x / np.float32(scale)) + zero, -128, 127)
    self._runtime.set_tensor(self._x["index"], x.astype(self._x["dtype"]).reshape(self._x["shape"]))

  def run(self) -> None:
    self._runtime.invoke()

  def output(self) -> np.ndarray:
    y = self._runtime.get_tensor(self._y["index"]).reshape(-1).astype(np.float32)
    scale, zero = self._y["quantization"]
    return (y - zero) * np.float32(scale) if scale else y


def runtime(problem: Problem, scheme: str) -> Runtime:
  """The layer in LiteRT; raises LiteRTMissing without the package."""
  content = _integer(problem) if scheme == "integer" else _fused(problem, scheme)
  return Runtime("LiteRT fused", scheme, problem, len(content), LiteRTLayer(content))


def _integer(problem: Problem) -> bytes:
  drawn = draw(problem)
  stored = drawn.frozen["integer"].activations

  def format(name: str) -> Quantization:
    return Quantization(stored[f"{PATH}/{name}"]["scale"], stored[f"{PATH}/{name}"]["zero_point"])

  model = Model("the paper's layer")
  graph = model.graph("step")
  x = graph.tensor("x", (1, 1, WIDTH), "int8", format("input"))
  formats = IntegerFormats(
    output=format("output"),
    hidden=format("hidden"),
    gates={gate: stored[f"{PATH}/gates/{gate}"]["scale"] for gate in drawn.layer.gates},
    cell=stored[f"{PATH}/cell"]["scale"],
  )
  y = integer_lstm(graph, x, drawn.layer, drawn.arrays("integer"), formats)
  graph.finish({"x": x}, {"y": y})
  return model.to_bytes()


def _fused(problem: Problem, scheme: str) -> bytes:
  drawn = draw(problem)
  model = Model("the paper's layer")
  graph = model.graph("step")
  x = graph.tensor("x", (1, 1, WIDTH), "float32")
  y = _float_lstm(graph, x, drawn.layer, drawn.arrays("float"), scheme)
  graph.finish({"x": x}, {"y": y})
  return model.to_bytes()


def _float_lstm(
  graph: Graph, x: int, layer: Layer, arrays: Mapping[str, np.ndarray], scheme: str
) -> int:
  """Inputs in the order of edge_rnnt/export/litert_lstm.py; hybrid: one scale for each matrix."""

  def matrix(name: str, values: np.ndarray) -> int:
    values = np.ascontiguousarray(values.T)
    if scheme == "float":
      return graph.constant(name, values)
    scale = np.abs(values).max() / np.float32(127)
    return graph.constant(
      name, np.round(values / scale).astype(np.int8), Quantization(float(scale))
    )

  rows_x, rows_h = np.split(
    arrays["kernel"].reshape(-1, len(layer.gates), layer.cells), [layer.input_dim]
  )
  inputs = [Graph.ABSENT] * 24
  inputs[0] = x
  for number, gate in enumerate(layer.gates):
    at = GATES.index(gate)
    inputs[1 + at] = matrix(f"x_{gate}", rows_x[:, number])
    inputs[5 + at] = matrix(f"h_{gate}", rows_h[:, number])
    inputs[12 + at] = graph.constant(
      f"bias_{gate}", arrays["bias"].reshape(-1, layer.cells)[number]
    )
    inputs[20 + at] = graph.constant(
      f"gain_{gate}", arrays["gain"].reshape(-1, layer.cells)[number]
    )
  inputs[16] = matrix("projection", arrays["projection"])
  inputs[18] = graph.tensor("h", (1, layer.output_dim), "float32", variable=True)
  inputs[19] = graph.tensor("c", (1, layer.cells), "float32", variable=True)
  y = graph.tensor("y", (1, 1, layer.output_dim), "float32")
  options = graph.schema.UnidirectionalSequenceLSTMOptionsT()
  options.fusedActivationFunction, options.timeMajor = TANH, True
  options.cellClip, options.projClip = CELL_CLIP, 0.0
  graph.operator(OPERATOR, inputs, [y], version=VERSIONS[scheme], options=options)
  return y
