"""LSTM, CIFG and SRU in float32, one frame of B streams at a time.

The equations are those of edge_rnnt/cells. Their matrix products are handed in, so that the hybrid
engine is these cells with other products.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from edge_rnnt.device.products import Product

LAYER_NORM_EPSILON = np.float32(1e-8)
CELL_CLIP = np.float32(10.0)

Rows = Float32[np.ndarray, "B _"]
Cells = Float32[np.ndarray, "B H"]
Gates = Float32[np.ndarray, "B G H"]


class State(NamedTuple):
  """What a cell remembers: c [B, H], and the output that re-enters, h [B, P] (P = 0 for an SRU)."""

  c: Float32[np.ndarray, "B H"]
  h: Float32[np.ndarray, "B P"]


class Weights(NamedTuple):
  """A layer ready to run; `gain` is None without layer norm, `projection` is None without one."""

  inputs: Product
  recurrent: Product | None
  projection: Product | None
  bias: Float32[np.ndarray, "G H"]
  gain: Float32[np.ndarray, "N H"] | None
  output_dim: int


class FloatLSTM:
  """Long short-term memory; gates i f g o.

  z = x W + h R;   n = LN(z) * gain + bias;   c = clip(f c + i g);   h = (o tanh(c)) P
  """

  def __init__(self, weights: Weights) -> None:
    self._w = weights
    self._cells = weights.bias.shape[1]

  def initial_state(self, batch: int) -> State:
    shapes = (batch, self._cells), (batch, self._w.output_dim)
    return State(*(np.zeros(shape, np.float32) for shape in shapes))

  def step(self, state: State, x: Rows) -> tuple[State, Rows]:
    w = self._w
    z = w.inputs(x) + w.recurrent(state.h)
    z = z.reshape(len(x), *w.bias.shape)
    n = z + w.bias if w.gain is None else normalize(z) * w.gain + w.bias
    c, o = self.update(n, state.c)
    m = o * np.tanh(c)
    h = m if w.projection is None else w.projection(m)
    return State(c, h), h

  def update(self, n: Gates, c: Cells) -> tuple[Cells, Cells]:
    """(gates before their functions, c_{t-1}) -> (c_t, o)."""
    i, f, o = sigmoid(n[:, 0]), sigmoid(n[:, 1]), sigmoid(n[:, 3])
    return clip(f * c + i * np.tanh(n[:, 2])), o


class FloatCIFG(FloatLSTM):
  """An LSTM with i = 1 - f."""

  def update(self, n: Gates, c: Cells) -> tuple[Cells, Cells]:
    f, o = sigmoid(n[:, 0]), sigmoid(n[:, 2])
    return clip(f * c + (1 - f) * np.tanh(n[:, 1])), o


class FloatSRU:
  """A recurrence without a matrix.

  f = sigmoid(LN(z_f) * gain_f + b_f);  r = sigmoid(LN(z_r) * gain_r + b_r)
  c = clip(LN(f c + (1 - f) u) * gain_c);   h = (r tanh(c) + (1 - r)(s + b_s)) P
  """

  def __init__(self, weights: Weights) -> None:
    self._w = weights
    self._cells = weights.bias.shape[1]

  def initial_state(self, batch: int) -> State:
    return State(np.zeros((batch, self._cells), np.float32), np.zeros((batch, 0), np.float32))

  def step(self, state: State, x: Rows) -> tuple[State, Rows]:
    w = self._w
    z = w.inputs(x).reshape(len(x), *w.bias.shape)
    u, n, s = z[:, 0], z[:, 1:3], z[:, 3] + w.bias[3]
    if w.gain is not None:
      n = normalize(n) * w.gain[:2]
    n = sigmoid(n + w.bias[1:3])
    f, r = n[:, 0], n[:, 1]
    c = f * state.c + (1 - f) * u
    c = clip(c if w.gain is None else normalize(c) * w.gain[2])
    m = r * np.tanh(c) + (1 - r) * s
    return State(c, state.h), m if w.projection is None else w.projection(m)


def normalize(z: Float32[np.ndarray, "... H"]) -> Float32[np.ndarray, "... H"]:
  """(z - mean) / sqrt(variance + 1e-8) over the cells."""
  z = z - z.mean(axis=-1, keepdims=True)
  return z / np.sqrt((z * z).mean(axis=-1, keepdims=True) + LAYER_NORM_EPSILON)


def sigmoid(x: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
  """1 / (1 + e^-x), through tanh: it cannot overflow."""
  return np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)


def clip(c: Cells) -> Cells:
  return np.clip(c, -CELL_CLIP, CELL_CLIP)
