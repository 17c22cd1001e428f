"""LSTM and CIFG in integers only, one frame of B streams at a time.

  x, h        int8   x = (q - zero) * scale
  a           int16  pre-activation of a gate, scale s_a (with layer norm any, else 2^-12)
  n           int16  Q3.12, what sigmoid and tanh read
  i f o g     int16  Q0.15
  c           int16  scale s_c, a power of two
  hidden      int8   o tanh(c), before the projection

  a   = saturate(M_x (sum_d Wx_d x_d + b_x));   a = saturate(a + M_h (sum_p Wh_p h_p + b_h))
          M_x = s_Wx s_x / s_a,   M_h = s_Wh s_h / s_a                  one per gate
          b_x = -zero_x sum_d Wx_d (+ bias without layer norm),   b_h = -zero_h sum_p Wh_p
  n   = layer_norm(a)      or a itself
  c   = clip(saturate(f c / 2^15 + i g / (2^30 s_c)))                  each quotient rounded
  hid = saturate(M_m o tanh(c) + zero_m),      M_m = 2^-30 / s_m
  h   = saturate(M_p (sum Wp hid - zero_m sum Wp) + zero_h),   M_p = s_Wp s_m / s_h

Without a projection h = hid, in the format of h. This is the arithmetic of LiteRT's integer LSTM
("8x8_16") with zero points of the usual sign. Scales multiply in float32, as they do there.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, Int16, Integer

from edge_rnnt.device.fixed_functions import ONE, look_up, sigmoid_table, tanh_table
from edge_rnnt.device.fixed_point import (
  Multiplier,
  log2_exact,
  multiplier,
  multiply,
  rounding_divide,
  saturate,
)
from edge_rnnt.device.integer_norm import IntegerNorm, integer_norm
from edge_rnnt.device.products import exact_operand
from edge_rnnt.export.architecture import Layer

CELL_CLIP = np.float32(10.0)
Q3_12 = 2.0**-12

Bytes = Int8[np.ndarray, "B _"]
Gates = Integer[np.ndarray, "B G H"]
Cells = Integer[np.ndarray, "B H"]


class Format(NamedTuple):
  """An int8 format: real = (q - zero) * scale."""

  scale: np.float32
  zero: int


class LayerTensors(NamedTuple):
  """What a file says of one layer."""

  layer: Layer
  arrays: Mapping[str, np.ndarray]
  """By short name: kernel, bias, and gain and projection if it has them; each with its scale."""
  input: Format
  output: Format
  hidden: Format
  gate_scales: Mapping[str, np.float32]
  cell_scale: float


class IntegerState(NamedTuple):
  """c in the cell's scale, and h in the output's format."""

  c: Int16[np.ndarray, "B H"]
  h: Int8[np.ndarray, "B P"]


class IntegerProduct:
  """M (x W + b): int8 rows times int8 weights, summed exactly, plus a bias, times a factor.

  Sums fit 32 bits: the bias is at most 2^30, and 65,536 inputs add at most 128 * 127 each.
  """

  def __init__(
    self, weights: Int8[np.ndarray, "D E"], bias: Integer[np.ndarray, "E"], factor: Multiplier
  ):
    self._weights, self._bias, self._factor = exact_operand(weights), bias, factor

  def sums(self, x: Bytes) -> Integer[np.ndarray, "B E"]:
    """x W + b, in the weights' and inputs' own units."""
    return (x.astype(self._weights.dtype) @ self._weights).astype(np.int64) + self._bias

  def __call__(self, x: Bytes) -> Integer[np.ndarray, "B E"]:
    return multiply(self.sums(x), self._factor)


def zero_bias(weights: Int8[np.ndarray, "D E"], zero: int) -> Integer[np.ndarray, "E"]:
  """-zero sum_d W_d: added to a product of stored integers, it takes out their zero point."""
  return -zero * weights.astype(np.int64).sum(axis=0)


def per_cell(values: np.ndarray, cells: int) -> Multiplier:
  """The multipliers of G gates, each for all cells of its gate."""
  return Multiplier(*(np.repeat(part, cells) for part in multiplier(values)))


class IntegerLSTM:
  """The module's equations. A CIFG has i = 32767 - f, one step short of 1 - f."""

  def __init__(self, tensors: LayerTensors) -> None:
    layer, arrays = tensors.layer, tensors.arrays
    self._gates, self._cells = layer.gates, layer.cells
    self._zero_h, self._output_dim = tensors.output.zero, layer.output_dim
    gate_scale = np.array([tensors.gate_scales[gate] for gate in layer.gates], np.float32)
    x, h = np.split(arrays["kernel"], [layer.input_dim])
    scale_x, scale_h = arrays["kernel.scale"]
    bias_x = zero_bias(x, tensors.input.zero) + (0 if layer.normalized else arrays["bias"])
    factor_x = per_cell(scale_x * tensors.input.scale / gate_scale, layer.cells)
    factor_h = per_cell(scale_h * tensors.output.scale / gate_scale, layer.cells)
    self._inputs = IntegerProduct(x, bias_x, factor_x)
    self._recurrent = IntegerProduct(h, zero_bias(h, tensors.output.zero), factor_h)
    self._norm = layer_norm_of(tensors, Q3_12) if layer.normalized else None
    self._cell_exponent = log2_exact(tensors.cell_scale)
    self._clip = int(min(CELL_CLIP / np.float32(tensors.cell_scale), 32767))
    self._tanh_cell = tanh_table(15 + self._cell_exponent)
    self._hidden = Hidden(tensors)

  def initial_state(self, batch: int) -> IntegerState:
    return IntegerState(
      np.zeros((batch, self._cells), np.int16),
      np.full((batch, self._output_dim), self._zero_h, np.int8),
    )

  def step(self, state: IntegerState, x: Bytes) -> tuple[IntegerState, Bytes]:
    a = saturate(saturate(self._inputs(x), 16) + self._recurrent(state.h), 16)
    n = a.reshape(len(x), len(self._gates), self._cells)
    if self._norm is not None:
      n = self._norm(n)
    i, f, g, o = self.gates(n)
    fresh = rounding_divide(i * g, 30 + self._cell_exponent)
    c = saturate(rounding_divide(f * state.c, 15) + fresh, 16)
    c = np.clip(c, -self._clip, self._clip)
    h = self._hidden(o * look_up(self._tanh_cell, c))
    return IntegerState(c.astype(np.int16), h), h

  def gates(self, n: Gates) -> tuple[Cells, Cells, Cells, Cells]:
    """Q3.12 -> i, f, g, o in Q0.15."""
    i, f, o = look_up(sigmoid_table(), n[:, [0, 1, 3]]).swapaxes(0, 1)
    return i, f, look_up(tanh_table(3), n[:, 2]), o


class IntegerCIFG(IntegerLSTM):
  """The LSTM whose input gate is what the forget gate leaves."""

  def gates(self, n: Gates) -> tuple[Cells, Cells, Cells, Cells]:
    f, o = look_up(sigmoid_table(), n[:, [0, 2]]).swapaxes(0, 1)
    return ONE - f, f, look_up(tanh_table(3), n[:, 1]), o


class Hidden:
  """A product in Q0.30 -> the layer's output: hid, then the projection if there is one."""

  def __init__(self, tensors: LayerTensors) -> None:
    self._format, self._output = tensors.hidden, tensors.output
    self._factor = multiplier(np.float32(2.0**-30) / tensors.hidden.scale)
    self._projection: IntegerProduct | None = None
    if tensors.layer.projection is not None:
      weights = tensors.arrays["projection"]
      factor = tensors.arrays["projection.scale"] * tensors.hidden.scale / tensors.output.scale
      bias = zero_bias(weights, tensors.hidden.zero)
      self._projection = IntegerProduct(weights, bias, multiplier(factor))

  def __call__(self, m: Cells) -> Bytes:
    return self.emit(multiply(m, self._factor))

  def emit(self, m: Cells) -> Bytes:
    """The same from m in units of the hidden format."""
    hidden = saturate(m + self._format.zero, 8).astype(np.int8)
    if self._projection is None:
      return hidden
    return saturate(self._projection(hidden) + self._output.zero, 8).astype(np.int8)


def layer_norm_of(tensors: LayerTensors, result_scale: float) -> IntegerNorm:
  """The layer norm of a cell's gates, results in `result_scale`."""
  shape = (-1, tensors.layer.cells)
  return integer_norm(
    tensors.arrays["gain"].reshape(shape),
    tensors.arrays["bias"].reshape(shape),
    tensors.arrays["gain.scale"],
    result_scale,
  )
