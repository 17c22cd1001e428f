"""What LiteRT would run and get wrong is refused, with the reason."""

import numpy as np
import pytest

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Quantization
from edge_rnnt.export.litert_lstm import IntegerFormats, check_integer, integer_lstm

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


@pytest.mark.parametrize("cell", ["lstm", "cifg"])
@pytest.mark.parametrize("norm", [True, False])
def test_a_good_layer_passes(cell, norm):
  each = layer(cell, norm)
  check_integer(each, arrays(each), formats(each))


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
  with pytest.raises(ValueError, match=f"encoder/layer_0: .*{reason}"):
    check_integer(each, arrays(each), formats(each, **changes))


def test_gates_in_another_format_where_no_layer_norm_follows():
  each = layer(norm=False)
  odd = dict.fromkeys(each.gates, 2.0**-12) | {"o": 2.0**-11}
  with pytest.raises(ValueError, match=r"gates \['o'\] are not in Q3.12"):
    check_integer(each, arrays(each), formats(each, gates=odd))


def test_scales_per_output():
  each = layer()
  given = arrays(each) | {"kernel.scale": np.full((2, 4 * CELLS), 0.01, np.float32)}
  with pytest.raises(ValueError, match=r"scales have shape \(2, 64\), .* one per gate, \(2, 4\)"):
    check_integer(each, given, formats(each))


def test_an_sru():
  each = layer("sru")
  with pytest.raises(ValueError, match="has no sru"):
    check_integer(each, arrays(each), formats(layer()))


def test_a_hidden_zero_point_is_no_matter_without_a_projection():
  each = layer(projection=None)
  hidden = Quantization(0.011, 9)
  check_integer(each, arrays(each), formats(each, hidden=hidden))


@pytest.mark.parametrize("changes", [{"cell": 0.0003}, {"cell": 2.0**-8}])
def test_litert_itself_says_nothing(changes, monkeypatch):
  """Why the check is needed: the runtime takes such a layer and its output is another's."""
  interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="the runtime in question")
  from edge_rnnt.export import litert_lstm
  from edge_rnnt.export.litert_graph import Model

  def outputs(given):
    each, model = layer(), Model("one layer")
    graph = model.graph("step")
    x = graph.tensor("x", (1, 1, INPUTS), "int8", Quantization(0.03))
    y = integer_lstm(graph, x, each, arrays(each), given)
    graph.finish({"x": x}, {"y": y})
    runtime = interpreter.Interpreter(model_content=model.to_bytes(), num_threads=1)
    runtime.allocate_tensors()
    rows = np.random.default_rng(1).integers(-128, 128, (20, 1, 1, INPUTS)).astype(np.int8)
    heard = []
    for row in rows:
      runtime.set_tensor(runtime.get_input_details()[0]["index"], row)
      runtime.invoke()
      heard.append(runtime.get_tensor(runtime.get_output_details()[0]["index"]).ravel())
    return np.array(heard, np.int64)

  right = outputs(formats(layer()))
  monkeypatch.setattr(litert_lstm, "check_integer", lambda *_: None)
  wrong = outputs(formats(layer(), **changes))
  assert np.abs(right - wrong).max() > 20  # of 255; no error was raised
