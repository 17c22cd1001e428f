"""LSTM and CIFG layers as LiteRT's stateful operator UNIDIRECTIONAL_SEQUENCE_LSTM.

Its 24 inputs, in this order (i f g o; those of i absent in a CIFG):

  0      x [T, B, D]                     12-15  biases [H]
  1-4    rows of x, [H, D] each          16, 17 projection [P, H], its bias (absent)
  5-8    rows of h, [H, P] each          18, 19 h [B, P] and c [B, H]: states, kept between calls
  9-11   peepholes (absent)              20-23  layer norm's gains [H]

Integer: exactly five intermediates: the pre-activations of i f g o, and what the projection reads.
The operator computes with what it is given and checks nothing, so `check_integer` refuses what
would run and be wrong. So far the integer scheme is here, as the oracle of our own integer engine
(tests/device/test_integer_cells_litert.py) and the beginning of an export.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Graph, Quantization
from edge_rnnt.quant.formats import Q3_12

GATES = ("i", "f", "g", "o")
OPERATOR = "UNIDIRECTIONAL_SEQUENCE_LSTM"
INTEGER_VERSION = 3  # of the operator
TANH = 4
CELL_CLIP = 10.0
LARGEST_CELL_SCALE = 2.0**-9


class IntegerFormats(NamedTuple):
  """The formats that a layer of the integer scheme makes; that of x is its tensor's own."""

  output: Quantization
  hidden: Quantization
  gates: Mapping[str, float]
  """Scale of each gate's pre-activation, before layer norm."""
  cell: float


def integer_lstm(
  graph: Graph, x: int, layer: Layer, arrays: Mapping[str, np.ndarray], formats: IntegerFormats
) -> int:
  """Adds a layer of the integer scheme that reads tensor x [T, B, D]; returns its output [T, B, P].

  arrays are those of the device file, by short name: kernel [D + P, G H] int8, kernel.scale [2, G],
  bias [G H] int32, gain [G H] int16 and gain.scale [G] with layer norm, projection [H, P] and
  projection.scale [1] with one. Raises ValueError for what the operator would silently get wrong.
  """
  check_integer(layer, arrays, formats)
  name, cells = layer.path, layer.cells
  kernel = arrays["kernel"].reshape(-1, len(layer.gates), cells)
  rows_x, rows_h = np.split(kernel, [layer.input_dim])
  inputs = [Graph.ABSENT] * 24
  inputs[0] = x
  for number, gate in enumerate(layer.gates):
    at = GATES.index(gate)
    for first, part, rows in ((1, 0, rows_x), (5, 1, rows_h)):
      scale = Quantization(float(arrays["kernel.scale"][part, number]))
      label = f"{name}/{'xh'[part]}_{gate}"
      inputs[first + at] = graph.constant(label, rows[:, number].T.copy(), scale)
    bias = arrays["bias"].reshape(-1, cells)[number]
    inputs[12 + at] = graph.constant(f"{name}/bias_{gate}", bias)
    if layer.normalized:
      gain, unit = arrays["gain"].reshape(-1, cells)[number], arrays["gain.scale"][number]
      label = f"{name}/gain_{gate}"
      inputs[20 + at] = graph.constant(label, gain, Quantization(float(unit)))
  if layer.projection is not None:
    scale = Quantization(float(arrays["projection.scale"][0]))
    inputs[16] = graph.constant(f"{name}/projection", arrays["projection"].T.copy(), scale)
    inputs[17] = graph.constant(f"{name}/projection_bias", np.zeros(layer.output_dim, np.int32))
  shape = (1, layer.output_dim)
  inputs[18] = graph.tensor(f"{name}/h", shape, "int8", formats.output, variable=True)
  cell = Quantization(formats.cell)
  inputs[19] = graph.tensor(f"{name}/c", (1, cells), "int16", cell, variable=True)
  intermediates = [
    graph.tensor(f"{name}/a_{gate}", (1, cells), "int16", Quantization(_gate_scale(formats, gate)))
    for gate in GATES
  ]
  intermediates.append(graph.tensor(f"{name}/hidden", (1, cells), "int8", formats.hidden))
  output = graph.tensor(f"{name}/output", (1, *shape), "int8", formats.output)
  graph.operator(
    OPERATOR,
    inputs,
    [output],
    version=INTEGER_VERSION,
    options=_options(graph),
    intermediates=intermediates,
  )
  return output


def check_integer(layer: Layer, arrays: Mapping[str, np.ndarray], formats: IntegerFormats) -> None:
  """Raises ValueError for a layer that LiteRT would run and get wrong.

  It has no SRU; one scale per gate's matrix; a cell scale of 2^k, k <= -9; gates in Q3.12 where no
  layer norm follows; and its hidden zero point has the sign opposite to everywhere else.
  """
  if layer.cell not in ("lstm", "cifg"):
    raise ValueError(f"{layer.path}: LiteRT's fused operator has no {layer.cell}, only lstm, cifg")
  fraction, _ = math.frexp(formats.cell)
  if fraction != 0.5 or formats.cell > LARGEST_CELL_SCALE:
    raise ValueError(
      f"{layer.path}: the cell's scale is {formats.cell}, LiteRT needs a power of two of at most "
      f"2^-9: otherwise it runs and its output is noise"
    )
  expected = (2, len(layer.gates))
  if arrays["kernel.scale"].shape != expected:
    raise ValueError(
      f"{layer.path}: kernel scales have shape {arrays['kernel.scale'].shape}, the fused operator "
      f"takes one per gate, {expected}: with scales per output it runs and its output is noise"
    )
  missing = [gate for gate in layer.gates if not formats.gates.get(gate, 0) > 0]
  if missing:
    raise ValueError(f"{layer.path}: gates {missing} have no scale; the operator needs all of them")
  if not layer.normalized:
    odd = [gate for gate in layer.gates if formats.gates[gate] != Q3_12.scale]
    if odd:
      raise ValueError(
        f"{layer.path}: gates {odd} are not in Q3.12; without layer norm LiteRT takes them for that"
      )
  if formats.hidden.zero_point and layer.projection is not None:
    raise ValueError(
      f"{layer.path}: the hidden zero point is {formats.hidden.zero_point}; LiteRT gives it the "
      "opposite sign, so that only 0 is exact"
    )


def _gate_scale(formats: IntegerFormats, gate: str) -> float:
  """A CIFG's missing gate needs a scale too, whatever it is."""
  return float(formats.gates.get(gate, Q3_12.scale))


def _options(graph: Graph) -> Any:
  options = graph.schema.UnidirectionalSequenceLSTMOptionsT()
  options.fusedActivationFunction = TANH
  options.timeMajor = True
  options.cellClip, options.projClip = CELL_CLIP, 0.0
  return options
