"""The layer in ONNX Runtime, in plain operators: float32, and 8-bit weights with rows quantized."""

import numpy as np

from edge_rnnt.export import decomposed
from edge_rnnt.export.onnx_graph import OnnxGraph
from experiments.benchmarks.device_layer import CELLS, PATH, WIDTH, Problem, draw
from experiments.benchmarks.device_runtime import Runtime


class OnnxLayer:
  """A model x, h, c -> h, c; its state goes round outside of what is timed."""

  def __init__(self, content: bytes) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    self._session = onnxruntime.InferenceSession(content, options, providers=providers)
    self._inputs: dict[str, np.ndarray] = {}
    self._outputs = np.zeros((1, WIDTH), np.float32), np.zeros((1, CELLS), np.float32)

  def feed(self, x: np.ndarray) -> None:
    h, c = self._outputs
    self._inputs = {"x": x[None], "h": h, "c": c}

  def run(self) -> None:
    self._outputs = self._session.run(["h_out", "c_out"], self._inputs)

  def output(self) -> np.ndarray:
    return self._outputs[0][0]


def runtime(problem: Problem, scheme: str) -> Runtime:
  """The layer in ONNX Runtime; scheme is float or hybrid. Raises OnnxMissing without onnx."""
  drawn = draw(problem)
  graph = OnnxGraph("layer")
  x = graph.input("x", "float32", (1, WIDTH))
  state = decomposed.State(
    c=graph.input("c", "float32", (1, CELLS)), h=graph.input("h", "float32", (1, WIDTH))
  )
  weights = decomposed.layer_weights(drawn.frozen[scheme], drawn.layer)
  z = graph.product(x, weights.inputs)
  state, _ = decomposed.step(graph, weights, z, state)
  graph.output(state.h, "h_out", "float32", (1, WIDTH))
  graph.output(state.c, "c_out", "float32", (1, CELLS))
  content = graph.to_bytes({}, f"{PATH} in plain operators")
  return Runtime("ONNX Runtime", scheme, problem, len(content), OnnxLayer(content))
