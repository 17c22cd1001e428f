"""The layer as LiteRT's fused operator, in its three schemes."""

import numpy as np

from edge_rnnt.export.litert_graph import Model, Quantization
from edge_rnnt.export.litert_lstm import IntegerFormats, float_lstm, integer_lstm
from experiments.benchmarks.device_layer import PATH, WIDTH, Problem, draw
from experiments.benchmarks.device_runtime import Runtime


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
  y = float_lstm(graph, x, drawn.layer, drawn.arrays("float"), hybrid=scheme == "hybrid")
  graph.finish({"x": x}, {"y": y})
  return model.to_bytes()
