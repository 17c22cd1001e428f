"""The SRU in integers only, in the manner of the integer LSTM (integer_cells.py); formats as there.

No runtime has one to follow, so this is our definition:

  a   = saturate(M_x (sum_d W_d x_d + b_x))         u f r s, each in its own scale
          u in the scale s_c of the cell, which it is mixed with; s in any scale s_s
          b_x = -zero_x sum_d W_d, + bias for s, and for f and r without layer norm
  f, r = sigmoid(layer_norm(a_f, a_r))              Q0.15; without layer norm s_a = 2^-12
  m   = saturate((f c + (32767 - f) u) / 2^15)      rounded once; between c and u, so it fits
  c   = clip(layer_norm(m))                         to s_c again; without layer norm clip(m)
  hid = saturate(M_1 r tanh(c) + M_2 (32767 - r) s + zero_m)
          M_1 = 2^-30 / s_m,   M_2 = 2^-15 s_s / s_m
  h   = saturate(M_p (sum Wp hid - zero_m sum Wp) + zero_h)

1 - f is 32767 - f: what f and its complement leave is 2^-15 of c and u, less than half a step of
int16 at any size. s_c is the least power of two that covers c, u and m; tanh reads c with up to 6
integer bits.
"""

import numpy as np
from jaxtyping import Int8, Int16, Integer

from edge_rnnt.device.fixed_functions import ONE, look_up, sigmoid_table, tanh_table
from edge_rnnt.device.fixed_point import log2_exact, multiplier, multiply, rounding_divide, saturate
from edge_rnnt.device.integer_cells import (
  CELL_CLIP,
  Q3_12,
  Hidden,
  IntegerProduct,
  IntegerState,
  LayerTensors,
  per_cell,
  zero_bias,
)
from edge_rnnt.device.integer_norm import IntegerNorm, integer_norm

Bytes = Int8[np.ndarray, "B _"]


class IntegerSRU:
  """The module's equations; the state's h is empty."""

  def __init__(self, tensors: LayerTensors) -> None:
    layer, arrays = tensors.layer, tensors.arrays
    self._cells = layer.cells
    scales = np.array([tensors.gate_scales[gate] for gate in layer.gates], np.float32)
    bias = arrays["bias"].astype(np.int64).reshape(4, -1).copy()
    bias[:3] = 0 if layer.normalized else bias[:3] * np.array([[0], [1], [1]])
    factor = per_cell(arrays["kernel.scale"][0] * tensors.input.scale / scales, layer.cells)
    zero = zero_bias(arrays["kernel"], tensors.input.zero)
    self._inputs = IntegerProduct(arrays["kernel"], zero + bias.reshape(-1), factor)
    self._norms = _norms(tensors) if layer.normalized else None
    self._clip = int(min(CELL_CLIP / np.float32(tensors.cell_scale), 32767))
    self._tanh_cell = tanh_table(15 + log2_exact(tensors.cell_scale))
    self._highway = multiplier(np.float32(2.0**-15) * scales[3] / tensors.hidden.scale)
    self._taken = multiplier(np.float32(2.0**-30) / tensors.hidden.scale)
    self._hidden = Hidden(tensors)

  def initial_state(self, batch: int) -> IntegerState:
    return IntegerState(np.zeros((batch, self._cells), np.int16), np.zeros((batch, 0), np.int8))

  def step(self, state: IntegerState, x: Bytes) -> tuple[IntegerState, Bytes]:
    a = saturate(self._inputs(x), 16).reshape(len(x), 4, self._cells)
    u, n, s = a[:, 0], a[:, 1:3], a[:, 3]
    if self._norms is not None:
      n = self._norms[0](n)
    f, r = look_up(sigmoid_table(), n).swapaxes(0, 1)
    c = self._cell(f, u, state.c)
    taken = multiply(r * look_up(self._tanh_cell, c), self._taken)
    h = self._hidden.emit(taken + multiply((ONE - r) * s, self._highway))
    return IntegerState(c.astype(np.int16), state.h), h

  def _cell(
    self,
    f: Integer[np.ndarray, "B H"],
    u: Integer[np.ndarray, "B H"],
    c: Int16[np.ndarray, "B H"],
  ) -> Integer[np.ndarray, "B H"]:
    m = saturate(rounding_divide(f * c + (ONE - f) * u, 15), 16)
    if self._norms is not None:
      m = self._norms[1](m[:, None])[:, 0]
    return np.clip(m, -self._clip, self._clip)


def _norms(tensors: LayerTensors) -> tuple[IntegerNorm, IntegerNorm]:
  """Layer norm of f and r to Q3.12, and of the cell to its own scale, which has no bias."""
  arrays, cells = tensors.arrays, tensors.layer.cells
  gain, scale = arrays["gain"].reshape(3, cells), arrays["gain.scale"]
  bias = arrays["bias"].reshape(4, cells)[1:3]
  none = np.zeros((1, cells), np.int32)
  return (
    integer_norm(gain[:2], bias, scale[:2], Q3_12),
    integer_norm(gain[2:], none, scale[2:], tensors.cell_scale),
  )
