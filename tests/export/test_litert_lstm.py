"""Fused layers against our own, and what LiteRT would run and get wrong, refused."""

import numpy as np
import pytest

from edge_rnnt.device.float_cells import FloatCIFG, FloatLSTM, Weights
from edge_rnnt.device.products import FloatProduct, HybridProduct
from edge_rnnt.export import litert_check
from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Model, Quantization
from edge_rnnt.export.litert_lstm import IntegerFormats, float_lstm, integer_lstm
from edge_rnnt.quant.affine import quantize, symmetric

interpreter = pytest.importorskip(
  "ai_edge_litert.interpreter", reason="writes and runs .tflite files: pip install ai-edge-litert"
)

CELLS, INPUTS, PROJECTION = 16, 6, 5


def layer(cell="lstm", norm=True, projection=PROJECTION):
  return Layer(
    path="encoder/layer_0", cell=cell, input_dim=INPUTS, cells=CELLS, projection=projection,
    layer_norm=norm,
  )  # fmt: skip


def arrays(each):
  rng = np.random.default_rng(0)
  gates = len(each.gates)
  found = {
    "kernel": rng.integers(-127, 128, each.kernel_shape).astype(np.int8),
    "kernel.scale": rng.uniform(0.002, 0.012, (2, gates)).astype(np.float32),
    "bias": rng.integers(-9000, 9000, gates * CELLS).astype(np.int32),
    "gain": rng.integers(9000, 32768, gates * CELLS).astype(np.int16),
    "gain.scale": np.full(gates, 1e-4, np.float32),
    "projection": rng.integers(-127, 128, (CELLS, PROJECTION)).astype(np.int8),
    "projection.scale": np.float32([0.006]),
  }
  return found


def formats(each, **changes):
  good = IntegerFormats(
    output=Quantization(0.011, 9),
    hidden=Quantization(0.008),
    gates=dict.fromkeys(each.gates, 0.001 if each.layer_norm else 2.0**-12),
    cell=2.0**-12,
  )
  return good._replace(**changes)


def integer_model(each, given=None, formats_given=None):
  model = Model("one layer")
  graph = model.graph("step")
  x = graph.tensor("x", (1, 1, INPUTS), "int8", Quantization(0.03))
  y = integer_lstm(graph, x, each, given or arrays(each), formats_given or formats(each))
  graph.finish({"x": x}, {"y": y})
  return model.to_bytes()


def outputs(content, rows):
  runtime = interpreter.Interpreter(model_content=content, num_threads=1)
  runtime.allocate_tensors()
  runtime.reset_all_variables()
  heard = []
  for row in rows:
    runtime.set_tensor(runtime.get_input_details()[0]["index"], row)
    runtime.invoke()
    heard.append(runtime.get_tensor(runtime.get_output_details()[0]["index"]))
  return np.array(heard)


@pytest.mark.parametrize("cell", ["lstm", "cifg"])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("projection", [None, PROJECTION])
def test_a_good_layer_passes(cell, norm, projection):
  each = layer(cell, norm, projection)
  given = formats(each)
  if projection is None:
    given = given._replace(hidden=given.output)
  assert integer_model(each, formats_given=given)[4:8] == b"TFL3"


@pytest.mark.parametrize(
  ("changes", "reason"),
  [
    ({"cell": 0.0003}, "a power of two of at most"),
    ({"cell": 2.0**-8}, "a power of two of at most"),
    ({"gates": {"i": 0.001, "f": 0.001, "o": 0.001}}, r"gates \['g'\] have no scale"),
    ({"gates": {"i": 0.001, "f": 0.0, "g": 0.001, "o": 0.001}}, r"gates \['f'\] have no scale"),
    ({"hidden": Quantization(0.008, -3)}, "the hidden zero point is -3"),
  ],
)
def test_formats_that_would_be_silently_wrong(changes, reason):
  each = layer()
  with pytest.raises(ValueError, match=f"encoder/layer_0.*{reason}"):
    integer_model(each, formats_given=formats(each, **changes))


def test_gates_in_another_format_where_no_layer_norm_follows():
  each = layer(norm=False)
  odd = dict.fromkeys(each.gates, 2.0**-12) | {"o": 2.0**-11}
  with pytest.raises(ValueError, match=r"layer_0/a_o'\] are not in Q3.12"):
    integer_model(each, formats_given=formats(each, gates=odd))


def test_scales_per_output():
  each = layer()
  given = arrays(each) | {"kernel.scale": np.full((2, 4 * CELLS), 0.01, np.float32)}
  with pytest.raises(ValueError, match=r"scales have shape \(2, 64\), .* one per gate, \(2, 4\)"):
    integer_model(each, given)


def test_an_sru():
  each = layer("sru")
  with pytest.raises(ValueError, match="has no sru"):
    integer_model(each, formats_given=formats(layer()))


@pytest.mark.parametrize("changes", [{"cell": 0.0003}, {"cell": 2.0**-8}])
def test_litert_itself_says_nothing(changes, monkeypatch):
  """Why the check is needed: the runtime takes such a layer and its output is another's."""
  each, rng = layer(), np.random.default_rng(1)
  rows = rng.integers(-128, 128, (20, 1, 1, INPUTS)).astype(np.int8)
  right = outputs(integer_model(each), rows).astype(int)
  monkeypatch.setattr(litert_check, "check", lambda model: None)
  wrong = outputs(integer_model(each, formats_given=formats(each, **changes)), rows).astype(int)
  assert np.abs(right - wrong).max() > 20  # of 255; no error was raised


def float_arrays(each, seed=0):
  rng = np.random.default_rng(seed)
  columns = len(each.gates) * each.cells
  found = {"kernel": rng.standard_normal(each.kernel_shape) / np.sqrt(each.kernel_shape[0])}
  found["bias"] = 0.5 * rng.standard_normal(columns)
  if each.layer_norm:
    found["gain"] = 1 + 0.3 * rng.standard_normal(columns)
  if each.projection is not None:
    found["projection"] = rng.standard_normal((each.cells, each.projection)) / np.sqrt(each.cells)
  return {name: value.astype(np.float32) for name, value in found.items()}


def our_cell(each, given, hybrid):
  def product(weights):
    if not hybrid:
      return FloatProduct(weights)
    # One scale for all of a gate's columns, as the fused operator has it.
    count = len(each.gates) if weights.shape[1] == len(each.gates) * each.cells else 1
    gates = weights.reshape(len(weights), count, -1)
    formats = symmetric(np.abs(gates).max(axis=(0, 2), keepdims=True), 8)
    q = quantize(gates, formats).reshape(weights.shape).astype(np.int8)
    return HybridProduct(q, np.repeat(formats.scale.ravel(), gates.shape[2]))

  kernel = given["kernel"]
  return (FloatLSTM if each.cell == "lstm" else FloatCIFG)(
    Weights(
      inputs=product(kernel[: each.input_dim]),
      recurrent=product(kernel[each.input_dim :]),
      projection=product(given["projection"]) if each.projection else None,
      bias=given["bias"].reshape(-1, each.cells),
      gain=given["gain"].reshape(-1, each.cells) if each.layer_norm else None,
      output_dim=each.output_dim,
    )
  )


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("projection", [None, PROJECTION])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "cifg"])
def test_float_and_hybrid_layers_are_our_cells(cell, norm, projection, hybrid, frames):
  each = layer(cell, norm, projection)
  given, model = float_arrays(each), Model("one layer")
  graph = model.graph("step")
  x = graph.tensor("x", (frames, 1, INPUTS), "float32")
  y = float_lstm(graph, x, each, given, frames, hybrid=hybrid)
  graph.finish({"x": x}, {"y": y})
  rows = np.random.default_rng(1).standard_normal((60, 1, INPUTS)).astype(np.float32)
  theirs = outputs(model.to_bytes(), rows.reshape(-1, frames, 1, INPUTS)).reshape(60, -1)
  cell = our_cell(each, given, hybrid)
  state, ours = cell.initial_state(1), []
  for row in rows:
    state, h = cell.step(state, row)
    ours.append(h[0])
  error = np.abs(theirs - np.array(ours))
  assert np.std(ours) > 0.05
  # Hybrid: a value between two integers may go the other way, and then that frame differs.
  assert np.median(error) < 1e-6 and error.max() < (0.02 if hybrid else 1e-5)
