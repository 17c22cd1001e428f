"""LSTM and CIFG layers as LiteRT's stateful operator UNIDIRECTIONAL_SEQUENCE_LSTM.

Its 24 inputs, in this order (i f g o; those of i absent in a CIFG):

  0      x [T, B, D]                     12-15  biases [H]
  1-4    rows of x, [H, D] each          16, 17 projection [P, H], its bias (integer only)
  5-8    rows of h, [H, P] each          18, 19 h [B, P] and c [B, H]: states, kept between calls
  9-11   peepholes (absent)              20-23  layer norm's gains [H]

  float    everything in float32
  hybrid   matrices in int8 with one scale for each of a gate's; x, h and what is projected are
           quantized on the fly
  integer  formats as in quant/formats.py, and exactly five intermediates: the pre-activations of
           i f g o, and what the projection reads

The operator computes with what it is given and checks nothing: litert_check.py does, when the model
is finished.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Graph, Quantization
from edge_rnnt.quant.affine import quantize, symmetric
from edge_rnnt.quant.formats import Q3_12

GATES = ("i", "f", "g", "o")
OPERATOR = "UNIDIRECTIONAL_SEQUENCE_LSTM"
FLOAT_VERSION, HYBRID_VERSION, INTEGER_VERSION = 1, 2, 3  # of the operator
TANH = 4
CELL_CLIP = 10.0

Arrays = Mapping[str, np.ndarray]


class IntegerFormats(NamedTuple):
  """The formats that a layer of the integer scheme makes; that of x is its tensor's own."""

  output: Quantization
  hidden: Quantization
  gates: Mapping[str, float]
  """Scale of each gate's pre-activation, before layer norm."""
  cell: float


def float_lstm(
  graph: Graph, x: int, layer: Layer, arrays: Arrays, frames: int = 1, *, hybrid: bool = False
) -> int:
  """Adds a layer in float32, or with int8 matrices, that reads x [frames, 1, D].

  Returns its output [frames, 1, P]. arrays are those of a float device file, by short name: kernel
  [D + P, G H], bias [G H], gain [G H] with layer norm, projection [H, P] with one.
  """
  inputs = _inputs(x, layer)
  for number, gate in enumerate(layer.gates):
    at = GATES.index(gate)
    for first, part, rows in _rows(layer, arrays["kernel"]):
      label = f"{layer.path}/{part}_{gate}"
      inputs[first + at] = _matrix(graph, label, rows[:, number], hybrid)
    for first, name in ((12, "bias"), (20, "gain")):
      if name in arrays:
        row = arrays[name].reshape(-1, layer.cells)[number]
        inputs[first + at] = graph.constant(f"{layer.path}/{name}_{gate}", row)
  if layer.projection is not None:
    inputs[16] = _matrix(graph, f"{layer.path}/projection", arrays["projection"], hybrid)
  inputs[18] = graph.tensor(f"{layer.path}/h", (1, layer.output_dim), "float32", variable=True)
  inputs[19] = graph.tensor(f"{layer.path}/c", (1, layer.cells), "float32", variable=True)
  output = graph.tensor(f"{layer.path}/output", (frames, 1, layer.output_dim), "float32")
  version = HYBRID_VERSION if hybrid else FLOAT_VERSION
  graph.operator(OPERATOR, inputs, [output], version=version, options=_options(graph))
  return output


def integer_lstm(
  graph: Graph, x: int, layer: Layer, arrays: Arrays, formats: IntegerFormats, frames: int = 1
) -> int:
  """Adds a layer of the integer scheme that reads tensor x [frames, 1, D].

  Returns its output [frames, 1, P]. arrays are those of the device file, by short name: kernel
  [D + P, G H] int8, kernel.scale [2, G], bias [G H] int32, gain [G H] int16 and gain.scale [G] with
  layer norm, projection [H, P] and projection.scale [1] with one. Raises ValueError for arrays or
  formats of another kind.
  """
  inputs = _inputs(x, layer)
  _check_arrays(layer, arrays, formats)
  name, read = layer.path, graph.scale(x)
  for number, gate in enumerate(layer.gates):
    at, scales = GATES.index(gate), arrays["kernel.scale"][:, number]
    for (first, part, rows), scale in zip(_rows(layer, arrays["kernel"]), scales, strict=True):
      matrix = np.ascontiguousarray(rows[:, number].T)
      label = f"{name}/{part}_{gate}"
      inputs[first + at] = graph.constant(label, matrix, Quantization(float(scale)))
    unit = read * float(scales[0])
    if layer.normalized:
      gain, scale = arrays["gain"].reshape(-1, layer.cells)[number], arrays["gain.scale"][number]
      inputs[20 + at] = graph.constant(f"{name}/gain_{gate}", gain, Quantization(float(scale)))
      unit = float(scale) / 1024
    bias = arrays["bias"].reshape(-1, layer.cells)[number]
    inputs[12 + at] = graph.constant(f"{name}/bias_{gate}", bias, Quantization(unit))
  if layer.projection is not None:
    scale = float(arrays["projection.scale"][0])
    matrix = np.ascontiguousarray(arrays["projection"].T)
    inputs[16] = graph.constant(f"{name}/projection", matrix, Quantization(scale))
    none, unit = np.zeros(layer.output_dim, np.int32), Quantization(scale * formats.hidden.scale)
    inputs[17] = graph.constant(f"{name}/projection_bias", none, unit)
  shape = (1, layer.output_dim)
  inputs[18] = graph.tensor(f"{name}/h", shape, "int8", formats.output, variable=True)
  cell = Quantization(formats.cell)
  inputs[19] = graph.tensor(f"{name}/c", (1, layer.cells), "int16", cell, variable=True)
  intermediates = [
    # A CIFG's missing gate needs a scale too, whatever it is.
    graph.tensor(
      f"{name}/a_{gate}", (1, layer.cells), "int16",
      Quantization(float(formats.gates.get(gate, Q3_12.scale))),
    )
    for gate in GATES
  ]  # fmt: skip
  intermediates.append(graph.tensor(f"{name}/hidden", (1, layer.cells), "int8", formats.hidden))
  output = graph.tensor(f"{name}/output", (frames, *shape), "int8", formats.output)
  graph.operator(
    OPERATOR,
    inputs,
    [output],
    version=INTEGER_VERSION,
    options=_options(graph),
    intermediates=intermediates,
  )
  return output


def _inputs(x: int, layer: Layer) -> list[int]:
  """x and nothing else yet; raises ValueError for a cell that the operator is not."""
  if layer.cell not in ("lstm", "cifg"):
    raise ValueError(f"{layer.path}: LiteRT's fused operator has no {layer.cell}, only lstm, cifg")
  return [x, *[Graph.ABSENT] * 23]


def _check_arrays(layer: Layer, arrays: Arrays, formats: IntegerFormats) -> None:
  expected = (2, len(layer.gates))
  if arrays["kernel.scale"].shape != expected:
    raise ValueError(
      f"{layer.path}: kernel scales have shape {arrays['kernel.scale'].shape}, the fused operator "
      f"takes one per gate, {expected}: with scales per output it runs and its output is noise"
    )
  missing = [gate for gate in layer.gates if not formats.gates.get(gate, 0) > 0]
  if missing:
    raise ValueError(f"{layer.path}: gates {missing} have no scale; the operator needs all of them")


def _rows(layer: Layer, kernel: np.ndarray) -> list[tuple[int, str, np.ndarray]]:
  """(first input of the operator, its letter, weights [D, G, H]) for x and for h."""
  rows_x, rows_h = np.split(kernel.reshape(-1, len(layer.gates), layer.cells), [layer.input_dim])
  return [(1, "x", rows_x), (5, "h", rows_h)]


def _matrix(graph: Graph, name: str, weights: np.ndarray, hybrid: bool) -> int:
  """weights [D, H] as LiteRT has them, [H, D]."""
  weights = np.ascontiguousarray(weights.T)
  if not hybrid:
    return graph.constant(name, weights)
  format = symmetric(np.abs(weights).max(keepdims=True), 8)
  q = quantize(weights, format).astype(np.int8)
  return graph.constant(name, q, Quantization(float(format.scale.item())))


def _options(graph: Graph) -> Any:
  options = graph.schema.UnidirectionalSequenceLSTMOptionsT()
  options.fusedActivationFunction = TANH
  options.timeMajor = True
  options.cellClip, options.projClip = CELL_CLIP, 0.0
  return options
