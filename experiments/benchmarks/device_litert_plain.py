"""The layer in LiteRT's plain operators: 8-bit weights with a scale per output, dense or sparse.

LiteRT's sparse kernel takes blocks of 16 inputs x 1 output, and one scale for all of them.
"""

import numpy as np

from edge_rnnt.export import decomposed
from edge_rnnt.export.litert_graph import Model
from edge_rnnt.export.litert_plain import PlainGraph
from experiments.benchmarks.device_layer import CELLS, WIDTH, Problem, draw
from experiments.benchmarks.device_litert import LiteRTLayer
from experiments.benchmarks.device_runtime import Runtime

SPARSE_BLOCK = (16, 1)


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
  plain = PlainGraph(graph, sparse=sparse)
  x = plain.value("x", WIDTH)
  before = decomposed.State(c=plain.value("c", CELLS), h=plain.value("h", WIDTH))
  weights = decomposed.layer_weights(drawn.frozen["hybrid"], drawn.layer)
  after, _ = decomposed.step(plain, weights, plain.product(x, weights.inputs), before)
  graph.finish({"x": x, "h": before.h, "c": before.c}, {"h_out": after.h, "c_out": after.c})
  content = model.to_bytes()
  return Runtime("LiteRT plain", "hybrid", problem, len(content), PlainLayer(content))
