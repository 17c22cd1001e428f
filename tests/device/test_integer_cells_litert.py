"""The integer cells against LiteRT's own integer LSTM operator, bit for bit, state included.

The runtime is the x86 build of ai-edge-litert, whose portable kernels round twice
(MultiplyByQuantizedMultiplier without TFLITE_SINGLE_ROUNDING).
"""

import numpy as np
import pytest

from edge_rnnt.device.integer_cells import Format, IntegerCIFG, IntegerLSTM, LayerTensors
from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Model, Quantization
from edge_rnnt.export.litert_lstm import IntegerFormats, integer_lstm

interpreter = pytest.importorskip(
  "ai_edge_litert.interpreter", reason="LiteRT is the oracle: pip install ai-edge-litert"
)

CELLS = {"lstm": IntegerLSTM, "cifg": IntegerCIFG}


def random_layer(cell, norm, projection, cells=96, inputs=33, seed=0, loud=1.0, zero=(-5, 9)):
  """Weights at all ranges. loud: how far beyond +-8 pre-activations go, and cells to their clip."""
  rng = np.random.default_rng(seed)
  layer = Layer(
    path="layer", cell=cell, input_dim=inputs, cells=cells, projection=projection, layer_norm=norm
  )
  gates = len(layer.gates)
  unit = loud / np.sqrt(inputs + layer.output_dim)
  arrays = {
    "kernel": rng.integers(-127, 128, layer.kernel_shape).astype(np.int8),
    "kernel.scale": (rng.uniform(0.5, 2.0, (2, gates)) * unit / 20).astype(np.float32),
    "bias": rng.integers(-9000, 9000, gates * cells).astype(np.int32),
  }
  if norm:
    arrays["gain"] = rng.integers(9000, 32768, gates * cells).astype(np.int16)
    arrays["gain.scale"] = (rng.uniform(1, 2, gates) * loud / 32767).astype(np.float32)
    arrays["bias"] *= np.int32(1000)
  if projection is not None:
    arrays["projection"] = rng.integers(-127, 128, (cells, projection)).astype(np.int8)
    arrays["projection.scale"] = np.float32([0.05 / np.sqrt(cells)])
  output = Format(np.float32(0.011), zero[1])
  gate_scale = np.float32(0.001 if norm else 2.0**-12)
  return LayerTensors(
    layer=layer,
    arrays=arrays,
    input=Format(np.float32(0.03), zero[0]),
    output=output,
    hidden=output if projection is None else Format(np.float32(0.008), 0),
    gate_scales=dict.fromkeys(layer.gates, gate_scale),
    cell_scale=2.0**-12,
  )


def litert(tensors):
  """x [D] -> (h, c) of the operator's next step."""

  def format(each):
    return Quantization(float(each.scale), int(each.zero))

  model = Model("one layer")
  graph = model.graph("step")
  x = graph.tensor("x", (1, 1, tensors.layer.input_dim), "int8", format(tensors.input))
  formats = IntegerFormats(
    output=format(tensors.output),
    hidden=format(tensors.hidden),
    gates={gate: float(scale) for gate, scale in tensors.gate_scales.items()},
    cell=tensors.cell_scale,
  )
  y = integer_lstm(graph, x, tensors.layer, tensors.arrays, formats)
  graph.finish({"x": x}, {"y": y})
  runtime = interpreter.Interpreter(model_content=model.to_bytes(), num_threads=1)
  runtime.allocate_tensors()
  runtime.reset_all_variables()
  places = {each["name"]: each["index"] for each in runtime.get_tensor_details()}

  def step(row):
    runtime.set_tensor(places["x"], row[None, None])
    runtime.invoke()
    return runtime.get_tensor(places["layer/output"])[0], runtime.get_tensor(places["layer/c"])

  return step


def compare(tensors, xs):
  """Steps both, holding every h and c equal; returns c of all steps."""
  ours, theirs = CELLS[tensors.layer.cell](tensors), litert(tensors)
  state, cells = ours.initial_state(1), []
  for number, x in enumerate(xs):
    state, h = ours.step(state, x[None])
    expected_h, expected_c = theirs(x)
    np.testing.assert_array_equal(h, expected_h, err_msg=f"h of step {number}")
    np.testing.assert_array_equal(state.c, expected_c, err_msg=f"c of step {number}")
    cells.append(state.c)
  return np.stack(cells)


@pytest.mark.parametrize("projection", [None, 40])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_a_thousand_random_steps(cell, norm, projection):
  rng = np.random.default_rng(1)
  tensors = random_layer(cell, norm, projection)
  xs = rng.integers(-128, 128, (1000, 33)).astype(np.int8)
  xs[300:340], xs[600:640], xs[900:] = 127, -128, tensors.input.zero
  states = compare(tensors, xs)
  assert len(np.unique(states)) > 2000  # it moves


def remembering(tensors):
  """The same layer with i and f near 1, so that an LSTM's c grows with every step."""
  bias = tensors.arrays["bias"].reshape(-1, tensors.layer.cells).copy()
  bias[:2] = 2**30 // 4 if tensors.layer.normalized else 2**22
  return tensors._replace(arrays=tensors.arrays | {"bias": bias.reshape(-1)})


@pytest.mark.parametrize("norm", [True, False])
def test_cells_that_saturate_and_cells_that_are_clipped(norm):
  rng = np.random.default_rng(2)
  tensors = remembering(random_layer("lstm", norm, 40, loud=3.0, seed=3))
  blocks = np.repeat(rng.choice([-128, 127], (8, 33)), 25, axis=0).astype(np.int8)
  # A scale of 2^-13 holds +-4 only, less than the clip of +-10.
  states = compare(tensors._replace(cell_scale=2.0**-13), blocks)
  assert states.max() == -states.min() == 32767  # the clip, as far as 16 bits hold it
  clipped = compare(tensors._replace(cell_scale=2.0**-11), blocks)
  assert clipped.max() == -clipped.min() == 10 * 2**11


@pytest.mark.parametrize("norm", [True, False])
def test_gates_that_saturate(norm):
  rng = np.random.default_rng(2)
  tensors = random_layer("cifg", norm, 40, loud=60.0, seed=3)._replace(cell_scale=2.0**-15)
  blocks = np.repeat(rng.choice([-128, 127], (20, 33)), 10, axis=0).astype(np.int8)
  assert np.abs(compare(tensors, blocks)).max() >= 32766  # |c| of a CIFG stays below 1


@pytest.mark.parametrize("cells, inputs, projection", [(640, 40, 96), (1, 3, 2), (130, 1, None)])
@pytest.mark.parametrize("zero", [(-128, 127), (127, -128), (0, 0)])
def test_odd_sizes_and_extreme_zero_points(cells, inputs, projection, zero):
  rng = np.random.default_rng(4)
  for norm in (True, False):
    tensors = random_layer("lstm", norm, projection, cells, inputs, seed=5, zero=zero)
    compare(tensors, rng.integers(-128, 128, (60, inputs)).astype(np.int8))
