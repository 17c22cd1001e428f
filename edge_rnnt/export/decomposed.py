"""Recurrent layers in plain operators, for runtimes that have no such layer of their own.

The equations are those of edge_rnnt/cells, written once over `Operators`; a runtime's graph (ONNX,
LiteRT) says what an addition or a product is there. Rows are [N, width], one per stream.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.container import Frozen
from edge_rnnt.export.layout import SCALE

CELL_CLIP = 10.0
LAYER_NORM_EPSILON = 1e-8


class Matrix(NamedTuple):
  """Weights [D, E] under a name: float32, or int8 with a scale per output [E]."""

  name: str
  weights: np.ndarray
  scale: np.ndarray | None


@runtime_checkable
class Operators(Protocol):
  """What a graph must be able to do; its values are handles of the graph's own kind."""

  def constant(self, name: str, value: np.ndarray) -> Any: ...

  def product(self, x: Any, matrix: Matrix) -> Any:
    """x W; with int8 weights, x is quantized on the fly, every row with its own scale."""
    ...

  def add(self, a: Any, b: Any) -> Any: ...

  def subtract(self, a: Any, b: Any) -> Any: ...

  def multiply(self, a: Any, b: Any) -> Any: ...

  def sigmoid(self, x: Any) -> Any: ...

  def tanh(self, x: Any) -> Any: ...

  def clip(self, x: Any, limit: float) -> Any:
    """x between -limit and limit."""
    ...

  def normalize(self, x: Any, epsilon: float) -> Any:
    """(x - mean) / sqrt(variance + epsilon) over the last axis."""
    ...

  def unstack(self, z: Any, parts: int) -> list[Any]:
    """[N, parts * H] -> [N, H] of each part."""
    ...


class State(NamedTuple):
  """What a layer remembers: c [N, H], and the output that re-enters, h [N, P] (None for an SRU)."""

  c: Any
  h: Any


class LayerWeights(NamedTuple):
  """A layer's arrays; gain is None without layer norm, projection is None without one."""

  layer: Layer
  inputs: Matrix
  recurrent: Matrix | None
  projection: Matrix | None
  bias: np.ndarray
  """[G, H]"""
  gain: np.ndarray | None
  """[G', H], as Layer.normalized lists them"""


def layer_weights(frozen: Frozen, layer: Layer) -> LayerWeights:
  """The arrays of a layer; raises ValueError for the integer scheme, whose biases are integers."""
  if frozen.scheme == "integer":
    raise ValueError(
      f"{layer.path}: plain operators compute in float32 and so take a float or hybrid model, not "
      "an integer one"
    )
  path, tensors = layer.path, frozen.tensors
  kernel = tensors[f"{path}/kernel"]
  scales = tensors.get(f"{path}/kernel{SCALE}", [None, None])
  rows = layer.input_dim
  recurrent = None
  if layer.recurrent_dim:
    recurrent = Matrix(f"{path}/recurrent", kernel[rows:], scales[1])
  gain = tensors[f"{path}/gain"].reshape(-1, layer.cells) if layer.normalized else None
  projected = layer.projection is not None
  return LayerWeights(
    layer=layer,
    inputs=Matrix(f"{path}/input", kernel[:rows], scales[0]),
    recurrent=recurrent,
    projection=matrix(tensors, f"{path}/projection") if projected else None,
    bias=tensors[f"{path}/bias"].reshape(-1, layer.cells),
    gain=gain,
  )


def matrix(tensors: Mapping[str, np.ndarray], name: str) -> Matrix:
  """A matrix of the layout with its scales, if it has any."""
  return Matrix(name, tensors[name], tensors.get(name + SCALE))


def step(ops: Operators, weights: LayerWeights, z: Any, state: State) -> tuple[State, Any]:
  """One frame. z is the input's part of the pre-activations, x W_x: it needs no state."""
  after, m = (_sru if weights.layer.cell == "sru" else _lstm)(ops, weights, z, state)
  out = m if weights.projection is None else ops.product(m, weights.projection)
  return (after if weights.recurrent is None else after._replace(h=out)), out


def _lstm(ops: Operators, w: LayerWeights, z: Any, state: State) -> tuple[State, Any]:
  """A CIFG is an LSTM with i = 1 - f."""
  z = ops.add(z, ops.product(state.h, w.recurrent))
  gates = dict(zip(w.layer.gates, ops.unstack(z, len(w.layer.gates)), strict=True))
  n = {gate: _normalized(ops, w, gate, value) for gate, value in gates.items()}
  f, o, g = ops.sigmoid(n["f"]), ops.sigmoid(n["o"]), ops.tanh(n["g"])
  i = ops.sigmoid(n["i"]) if "i" in n else _complement(ops, f)
  c = ops.clip(ops.add(ops.multiply(f, state.c), ops.multiply(i, g)), CELL_CLIP)
  return State(c, state.h), ops.multiply(o, ops.tanh(c))


def _sru(ops: Operators, w: LayerWeights, z: Any, state: State) -> tuple[State, Any]:
  u, f, r, s = ops.unstack(z, 4)
  f = ops.sigmoid(_normalized(ops, w, "f", f))
  r = ops.sigmoid(_normalized(ops, w, "r", r))
  s = ops.add(s, _row(ops, w, "bias", w.bias[w.layer.gates.index("s")], "s"))
  c = ops.add(ops.multiply(f, state.c), ops.multiply(_complement(ops, f), u))
  if w.gain is not None:
    c = _scaled(ops, w, "c", c)
  c = ops.clip(c, CELL_CLIP)
  highway = ops.multiply(_complement(ops, r), s)
  return State(c, state.h), ops.add(ops.multiply(r, ops.tanh(c)), highway)


def _normalized(ops: Operators, w: LayerWeights, gate: str, z: Any) -> Any:
  """LN(z) * gain + bias, or z + bias."""
  if w.gain is not None:
    z = _scaled(ops, w, gate, z)
  return ops.add(z, _row(ops, w, "bias", w.bias[w.layer.gates.index(gate)], gate))


def _scaled(ops: Operators, w: LayerWeights, what: str, z: Any) -> Any:
  gain = w.gain[w.layer.normalized.index(what)]
  return ops.multiply(ops.normalize(z, LAYER_NORM_EPSILON), _row(ops, w, "gain", gain, what))


def _complement(ops: Operators, x: Any) -> Any:
  return ops.subtract(ops.constant("one", np.ones(1, np.float32)), x)


def _row(ops: Operators, w: LayerWeights, kind: str, value: np.ndarray, gate: str) -> Any:
  return ops.constant(f"{w.layer.path}/{kind}_{gate}", np.ascontiguousarray(value, np.float32))
