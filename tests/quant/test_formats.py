"""From ranges to the integer scheme's formats, by hand."""

import jax
import numpy as np
import pytest

from edge_rnnt.quant.formats import Range, byte_ends, integer_formats


def scalar(low: float, high: float) -> Range:
  return Range(np.asarray(low, np.float32), np.asarray(high, np.float32))


def gates(*limits: float) -> Range:
  high = np.float32(limits)[:, None]
  return Range(-high / 2, high)


def lstm(layer: str) -> dict[str, Range]:
  return {
    f"{layer}/input": scalar(-2, 2.25),
    f"{layer}/gates": gates(1, 2, 4, 8),
    f"{layer}/normalized": gates(3, 3, 3, 3),
    f"{layer}/cell": scalar(-5, 2),
    f"{layer}/hidden": scalar(-0.5, 0.52),
    f"{layer}/output": scalar(-1.02, 1.53),
  }


def make(ranges, cell="lstm", layer_norm=True):
  return integer_formats(ranges, encoder_cell=cell, prediction_cell="lstm", layer_norm=layer_norm)


def test_an_lstm_with_layer_norm():
  formats = make(lstm("encoder/layer_0") | lstm("prediction/layer_0"))
  layer = {name.rsplit("/", 1)[1]: f for name, f in formats.items() if name.startswith("encoder")}
  np.testing.assert_allclose(
    layer["gates"].scale, 2 * np.array([[1], [2], [4], [8]]) / 32767, rtol=1e-6
  )
  assert layer["normalized"].scale == 2.0**-12
  assert layer["cell"].scale == 2.0 ** (3 - 15)
  assert layer["hidden"].scale == pytest.approx(0.52 / 127)
  assert layer["hidden"].zero_point == 0
  assert layer["output"].scale == pytest.approx(0.01) and layer["output"].zero_point == -26
  assert layer["input"].scale == pytest.approx(4.25 / 255)
  assert "prediction/layer_0/input" not in formats  # it reads the embedding, which has its own
  assert formats["joint/sum"].scale == 2.0**-12 and formats["joint/hidden"].scale == 2.0**-7


def test_without_layer_norm_gates_are_what_sigmoid_takes():
  formats = make(lstm("encoder/layer_0"), layer_norm=False)
  assert formats["encoder/layer_0/gates"].scale == 2.0**-12


def test_without_projection_there_is_no_hidden_format():
  ranges = lstm("encoder/layer_0")
  del ranges["encoder/layer_0/hidden"]
  assert "encoder/layer_0/hidden" not in make(ranges)


@pytest.mark.parametrize(
  ("layer_norm", "exponent"), [(True, 5), (False, 3)]
)  # mixed reaches 20 -> 2^5, u 6 -> 2^3
def test_an_sru_keeps_u_in_the_format_of_its_cell(layer_norm, exponent):
  ranges = lstm("encoder/layer_0") | {"encoder/layer_0/gates": gates(6, 2, 4, 8)}
  ranges["encoder/layer_0/normalized"] = gates(6, 3, 3, 10)
  ranges["encoder/layer_0/mixed"] = scalar(-20, 1)
  formats = make(ranges, "sru", layer_norm)
  cell = 2.0 ** (exponent - 15)
  assert formats["encoder/layer_0/cell"].scale == cell
  u, f, r, s = formats["encoder/layer_0/gates"].scale[:, 0]
  assert u == cell
  assert s == pytest.approx(20 / 32767)  # its bias is added, so its range is the shifted one's
  assert f == pytest.approx(4 / 32767 if layer_norm else 2.0**-12)
  assert r == pytest.approx(8 / 32767 if layer_norm else 2.0**-12)
  shifted = formats["encoder/layer_0/normalized"].scale[:, 0]
  assert shifted.tolist() == [u, 2.0**-12, 2.0**-12, s]
  assert ("encoder/layer_0/mixed" in formats) == layer_norm


@pytest.mark.parametrize("missing", ["input", "cell", "output"])
def test_a_range_that_was_not_recorded_is_named(missing):
  ranges = lstm("encoder/layer_0")
  del ranges[f"encoder/layer_0/{missing}"]
  with pytest.raises(ValueError, match=f"no range was recorded for encoder/layer_0/{missing}"):
    make(ranges)


@pytest.mark.parametrize(("cell", "layer_norm"), [("lstm", True), ("sru", True), ("sru", False)])
def test_jax_ranges_give_the_same_bits(cell, layer_norm):
  """What training rounds to is what the exported file says."""
  ranges = lstm("encoder/layer_0")
  if cell == "sru":
    ranges["encoder/layer_0/mixed"] = scalar(-20, 1)
  jitted = jax.jit(lambda ranges: make(ranges, cell, layer_norm))(ranges)
  for path, format in make(ranges, cell, layer_norm).items():
    assert np.array_equal(jitted[path].scale, np.asarray(format.scale)), path
    assert np.array_equal(jitted[path].zero_point, np.asarray(format.zero_point)), path


def test_only_formats_of_8_bits_have_ends_to_learn_and_they_are_the_formats_own():
  ranges = lstm("encoder/layer_0") | lstm("prediction/layer_0")
  ends = byte_ends(ranges, encoder_cell="lstm", prediction_cell="lstm")
  layers = [f"{part}/layer_0" for part in ("encoder", "prediction")]
  written = {f"{layer}/{name}" for layer in layers for name in ("hidden", "output")}
  assert set(ends) == {"encoder/layer_0/input"} | written
  for path, (low, high) in ends.items():
    format = make(ranges)[path]
    steps = 254 if path.endswith("hidden") else 255
    assert (high - low) / steps == pytest.approx(float(format.scale), rel=1e-6)
