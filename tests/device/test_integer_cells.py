"""Integer cells: equal to a scalar reference, number by number, and close to the real equations."""

import math

import numpy as np
import pytest

from edge_rnnt.device.fixed_functions import sigmoid_table, tanh_table
from edge_rnnt.device.fixed_point import multiplier
from edge_rnnt.device.integer_cells import (
  Format,
  IntegerCIFG,
  IntegerLSTM,
  IntegerState,
  LayerTensors,
)
from edge_rnnt.device.integer_norm import inverse_sqrt
from edge_rnnt.device.integer_sru import IntegerSRU
from edge_rnnt.export.architecture import Layer

KERNELS = {"lstm": IntegerLSTM, "cifg": IntegerCIFG, "sru": IntegerSRU}
SETTINGS = [(cell, norm, p) for cell in KERNELS for norm in (True, False) for p in (None, 5)]
CELLS, INPUTS, STEPS = 6, 7, 40


def random_layer(cell: str, norm: bool, projection: int | None, seed: int = 0) -> LayerTensors:
  """A layer as a file would describe it; its numbers reach all ranges, saturation included."""
  rng = np.random.default_rng(seed)
  layer = Layer(
    path="layer", cell=cell, input_dim=INPUTS, cells=CELLS, projection=projection, layer_norm=norm
  )
  gates, rows = len(layer.gates), 1 if cell == "sru" else 2
  arrays = {
    "kernel": rng.integers(-127, 128, layer.kernel_shape).astype(np.int8),
    "kernel.scale": rng.uniform(0.002, 0.012, (rows, gates)).astype(np.float32),
    "bias": rng.integers(-9000, 9000, gates * CELLS).astype(np.int32),
  }
  if norm:
    groups = len(layer.normalized)
    arrays["gain"] = rng.integers(9000, 32768, groups * CELLS).astype(np.int16)
    arrays["gain.scale"] = rng.uniform(1.0, 2.0, groups).astype(np.float32) / np.float32(32767)
    arrays["bias"] = arrays["bias"] * np.int32(1000)
  if projection is not None:
    arrays["projection"] = rng.integers(-127, 128, (CELLS, projection)).astype(np.int8)
    arrays["projection.scale"] = np.float32([0.006])
  output = Format(np.float32(0.011), 9)
  cell_scale = 2.0**-12
  gate_scale = {gate: np.float32(0.001 if norm else 2.0**-12) for gate in layer.gates}
  if cell == "sru":
    gate_scale |= {"u": np.float32(cell_scale), "s": np.float32(0.0004)}
  return LayerTensors(
    layer=layer,
    arrays=arrays,
    input=Format(np.float32(0.03), -5),
    output=output,
    hidden=output if projection is None else Format(np.float32(0.008), -3),
    gate_scales=gate_scale,
    cell_scale=cell_scale,
  )


def clamp(x: int, bits: int) -> int:
  return min(max(x, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)


def rdp(x: int, exponent: int) -> int:
  """Rounding divide by a power of two as C++ spells it, with a remainder and a threshold."""
  mask = (1 << exponent) - 1
  return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def mbqm(x: int, mantissa: int, shift: int) -> int:
  """LiteRT's MultiplyByQuantizedMultiplier, rounding twice, as C++ spells it."""
  product = clamp(x << max(shift, 0), 32) * mantissa
  nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
  high = abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)
  return rdp(high, max(-shift, 0))


def times(x: int, real: float) -> int:
  return mbqm(x, *(int(part) for part in multiplier(real)))


def scalar_norm(a: list[int], gain, bias, gain_scale, result_scale) -> list[int]:
  n = len(a)
  mean = int(sum(a) * 1024 / n)
  variance = int((sum(v * v for v in a) * ((1 << 20) // n) - mean * mean) / (1 << 20))
  variance = variance if variance >= 1 else max(1, int(10000 * gain_scale))
  inverse = tuple(int(part[0]) for part in inverse_sqrt(np.array([variance])))
  out = []
  for value, weight, shift in zip(a, gain, bias, strict=True):
    v = mbqm(1024 * value - mean, *inverse) * int(weight) + int(shift)
    v = int((v + 512 if v > 0 else v - 512) / 1024)
    out.append(clamp(times(v, np.float64(gain_scale) / result_scale), 16))
  return out


def dot(tensors: LayerTensors, gate: int, cell: int, q, first_row: int, zero: int) -> int:
  column = gate * tensors.layer.cells + cell
  weights = tensors.arrays["kernel"][first_row : first_row + len(q), column]
  return sum((int(v) - zero) * int(w) for v, w in zip(q, weights, strict=True))


def scalar_step(t: LayerTensors, c: list[int], h: list[int], x: list[int]):
  """One frame of one stream: every integer on its own."""
  layer, arrays, scales = t.layer, t.arrays, t.arrays["kernel.scale"]
  gates = {}
  for g, gate in enumerate(layer.gates):
    normed, unit = gate in layer.normalized, t.gate_scales[gate]
    row = []
    for j in range(layer.cells):
      biased = not normed and gate != "u"
      bias = int(arrays["bias"][g * layer.cells + j]) if biased else 0
      total = dot(t, g, j, x, 0, t.input.zero) + bias
      a = clamp(times(total, scales[0, g] * t.input.scale / unit), 16)
      if layer.recurrent_dim:
        total = dot(t, g, j, h, layer.input_dim, t.output.zero)
        a = clamp(a + times(total, scales[1, g] * t.output.scale / unit), 16)
      row.append(a)
    if normed:
      k, part = layer.normalized.index(gate), slice(g * layer.cells, (g + 1) * layer.cells)
      gain = arrays["gain"].reshape(-1, layer.cells)[k]
      row = scalar_norm(row, gain, arrays["bias"][part], arrays["gain.scale"][k], 2.0**-12)
    gates[gate] = row
  return scalar_sru(t, gates, c) if layer.cell == "sru" else scalar_lstm(t, gates, c)


def scalar_lstm(t: LayerTensors, gates, c):
  sigmoid, tanh, exponent = sigmoid_table(), tanh_table(3), round(math.log2(t.cell_scale))
  cell_tanh, clip = tanh_table(15 + exponent), int(10 / t.cell_scale)
  cells, hidden = [], []
  for j, before in enumerate(c):
    f, g, o = sigmoid[gates["f"][j] + 32768], tanh[gates["g"][j] + 32768], gates["o"][j]
    i = sigmoid[gates["i"][j] + 32768] if "i" in gates else 32767 - int(f)
    new = clamp(rdp(int(f) * before, 15) + rdp(int(i) * int(g), 30 + exponent), 16)
    cells.append(min(max(new, -clip), clip))
    product = int(sigmoid[o + 32768]) * int(cell_tanh[cells[-1] + 32768])
    hidden.append(times(product, np.float32(2.0**-30) / t.hidden.scale))
  return cells, scalar_output(t, hidden)


def scalar_sru(t: LayerTensors, gates, c):
  sigmoid, cell_tanh = sigmoid_table(), tanh_table(15 + round(math.log2(t.cell_scale)))
  f = [int(sigmoid[v + 32768]) for v in gates["f"]]
  r = [int(sigmoid[v + 32768]) for v in gates["r"]]
  m = [clamp(rdp(f[j] * c[j] + (32767 - f[j]) * gates["u"][j], 15), 16) for j in range(len(c))]
  if t.layer.layer_norm:
    gain = t.arrays["gain"].reshape(3, -1)[2]
    m = scalar_norm(m, gain, [0] * len(c), t.arrays["gain.scale"][2], t.cell_scale)
  clip, hidden = int(10 / t.cell_scale), []
  cells = [min(max(v, -clip), clip) for v in m]
  for j, value in enumerate(cells):
    taken = times(r[j] * int(cell_tanh[value + 32768]), np.float32(2.0**-30) / t.hidden.scale)
    unit = np.float32(2.0**-15) * t.gate_scales["s"] / t.hidden.scale
    hidden.append(taken + times((32767 - r[j]) * gates["s"][j], unit))
  return cells, scalar_output(t, hidden)


def scalar_output(t: LayerTensors, hidden: list[int]) -> list[int]:
  q = [clamp(value + t.hidden.zero, 8) for value in hidden]
  if t.layer.projection is None:
    return q
  factor = t.arrays["projection.scale"][0] * t.hidden.scale / t.output.scale
  sums = [
    sum((v - t.hidden.zero) * int(w) for v, w in zip(q, column, strict=True))
    for column in t.arrays["projection"].T
  ]
  return [clamp(times(total, factor) + t.output.zero, 8) for total in sums]


@pytest.mark.parametrize(("cell", "norm", "projection"), SETTINGS)
def test_equal_to_the_scalar_reference(cell, norm, projection):
  tensors = random_layer(cell, norm, projection)
  kernel = KERNELS[cell](tensors)
  x = np.random.default_rng(1).integers(-128, 128, (STEPS, 1, INPUTS)).astype(np.int8)
  state = kernel.initial_state(1)
  c, h, seen = [0] * CELLS, state.h[0].tolist(), []
  for row in x:
    state, y = kernel.step(state, row)
    c, expected = scalar_step(tensors, c, h, row[0].tolist())
    assert state.c[0].tolist() == c and y[0].tolist() == expected
    h = expected if cell != "sru" else []
    seen.append(expected)
  assert np.abs(np.diff(seen, axis=0)).max() > 20  # it moves


def real_step(t: LayerTensors, c: np.ndarray, h: np.ndarray, x: np.ndarray):
  """One frame in float64 from the numbers that the integers stand for."""
  layer, arrays, cells = t.layer, t.arrays, t.layer.cells
  scales = np.repeat(arrays["kernel.scale"].astype(np.float64), cells, axis=1)
  kernel = arrays["kernel"].astype(np.float64)
  z = (x @ (kernel[: layer.input_dim] * scales[0])).reshape(len(x), -1, cells)
  bias = arrays["bias"].astype(np.float64).reshape(-1, cells)
  units = arrays["kernel.scale"][0].astype(np.float64) * t.input.scale
  for g, gate in enumerate(layer.gates):
    if gate not in layer.normalized and gate != "u":
      z[:, g] += bias[g] * units[g]
  limits = 32767 * np.array([t.gate_scales[gate] for gate in layer.gates], np.float64)[:, None]
  z = np.clip(z, -limits, limits)
  if layer.recurrent_dim:
    recurrent = (h @ (kernel[layer.input_dim :] * scales[1])).reshape(z.shape)
    z = np.clip(z + recurrent, -limits, limits)
  gates = {}
  for g, gate in enumerate(layer.gates):
    if gate in layer.normalized:
      k = layer.normalized.index(gate)
      unit = float(arrays["gain.scale"][k])
      gain = arrays["gain"].reshape(-1, cells)[k] * unit
      gates[gate] = real_norm(z[:, g]) * gain + bias[g] * unit / 1024
    else:
      gates[gate] = z[:, g]
  f = 1 / (1 + np.exp(-gates["f"]))
  if layer.cell == "sru":
    r = 1 / (1 + np.exp(-gates["r"]))
    c = f * c + (1 - f) * gates["u"]
    if layer.layer_norm:
      c = real_norm(c) * arrays["gain"].reshape(3, cells)[2] * float(arrays["gain.scale"][2])
    c = np.clip(c, -8, 8)
    m = r * np.tanh(c) + (1 - r) * gates["s"]
  else:
    i = 1 - f if layer.cell == "cifg" else 1 / (1 + np.exp(-gates["i"]))
    c = np.clip(f * c + i * np.tanh(gates["g"]), -8, 8)
    m = np.tanh(c) / (1 + np.exp(-gates["o"]))
  hidden = saturated(m, t.hidden)
  if layer.projection is None:
    return c, hidden
  unit = float(arrays["projection.scale"][0])
  return c, saturated(hidden @ (arrays["projection"] * unit), t.output)


def real_norm(z: np.ndarray) -> np.ndarray:
  z = z - z.mean(axis=-1, keepdims=True)
  return z / np.sqrt((z**2).mean(axis=-1, keepdims=True))


def saturated(values: np.ndarray, format: Format) -> np.ndarray:
  low, high = (np.float64(format.scale) * (q - format.zero) for q in (-128, 127))
  return np.clip(values, low, high)


@pytest.mark.parametrize(("cell", "norm", "projection"), SETTINGS)
def test_one_step_is_near_the_real_equations(cell, norm, projection):
  """From the same state: c within 0.008 and 0.8 %, h within 2.5 steps of its 8 bits.

  Pre-activations saturate in the reference as they do in 16 bits. The 0.8 % is layer norm's, whose
  variance is a whole number.
  """
  tensors = random_layer(cell, norm, projection, seed=3)
  kernel, batch, rng = KERNELS[cell](tensors), 200, np.random.default_rng(4)
  width = tensors.layer.recurrent_dim
  state = IntegerState(
    rng.integers(-8000, 8000, (batch, CELLS)).astype(np.int16),
    rng.integers(-128, 128, (batch, width)).astype(np.int8),
  )
  x = rng.integers(-128, 128, (batch, INPUTS)).astype(np.int8)
  after, y = kernel.step(state, x)
  c, h = real_step(
    tensors,
    state.c * tensors.cell_scale,
    (state.h - float(tensors.output.zero)) * tensors.output.scale,
    (x - float(tensors.input.zero)) * tensors.input.scale,
  )
  got = (y - float(tensors.output.zero)) * tensors.output.scale
  assert (np.abs(after.c * tensors.cell_scale - c) <= 0.008 + 0.008 * np.abs(c)).all()
  steps = np.abs(got - h) / tensors.output.scale
  assert steps.max() <= 2.5 and steps.mean() < 0.5


@pytest.mark.parametrize("cell", KERNELS)
def test_a_batch_is_its_rows(cell):
  tensors = random_layer(cell, True, 5)
  kernel = KERNELS[cell](tensors)
  x = np.random.default_rng(2).integers(-128, 128, (3, 9, INPUTS)).astype(np.int8)
  together, rows = kernel.initial_state(9), [kernel.initial_state(1) for _ in range(9)]
  for frame in x:
    together, y = kernel.step(together, frame)
    stepped = [kernel.step(row, frame[b : b + 1]) for b, row in enumerate(rows)]
    rows = [state for state, _ in stepped]
    assert (y == np.concatenate([out for _, out in stepped])).all()
  assert (together.c == np.concatenate([row.c for row in rows])).all()
