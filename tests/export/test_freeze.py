"""From parameters to a scheme's arrays."""

import numpy as np
import pytest

from edge_rnnt.export.freeze import freeze
from edge_rnnt.export.layout import matrices, vectors
from edge_rnnt.quant.formats import integer_formats
from edge_rnnt.quant.rules import Rule
from edge_rnnt.trees import flatten

CELLS = ["lstm", "cifg", "sru"]


def restored(frozen, name: str, layer=None) -> np.ndarray:
  """A quantized matrix in real numbers, by its stored scales."""
  q, scale = frozen.tensors[name].astype(np.float32), frozen.tensors[name + ".scale"]
  if layer is None:
    return q * scale
  if scale.shape[1] == len(layer.gates):
    scale = np.repeat(scale, layer.cells, axis=1)
  rows = np.repeat(scale, [layer.input_dim, layer.recurrent_dim][: len(scale)], axis=0)
  return q * rows


def steps(frozen, name: str, layer=None) -> np.ndarray:
  one = {name: np.ones_like(frozen.tensors[name]), f"{name}.scale": frozen.tensors[f"{name}.scale"]}
  return restored(frozen._replace(tensors=one), name, layer)


def test_float_is_as_trained_without_auxiliary_heads(model):
  model = model()
  heads = {"ctc": {"kernel": np.ones((16, 11)), "bias": np.ones(11)}}
  heads["simple"] = {"kernel": np.ones((16, 11))}
  params = model.params | heads
  frozen = freeze(params, model.config, "float")
  assert not any(name.startswith(tuple(heads)) for name in frozen.tensors)
  for path, leaf in flatten(model.params).items():
    assert np.array_equal(frozen.tensors[path], leaf)


@pytest.mark.parametrize("scheme", ["hybrid", "integer"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_matrix_is_within_half_a_step_of_its_weights(model, cell, scheme):
  model = model(cell)
  frozen = freeze(model.params, model.config, scheme, ranges=model.ranges)
  layers = {f"{layer.path}/kernel": layer for layer in model.architecture.layers}
  flat = flatten(model.params)
  for name in matrices(model.architecture):
    layer = layers.get(name)
    error = np.abs(restored(frozen, name, layer) - flat[name])
    assert (error <= 0.5001 * steps(frozen, name, layer)).all(), name
    assert np.abs(frozen.tensors[name]).max() == 127


def test_hybrid_keeps_vectors_and_gives_every_output_its_scale(model):
  model = model()
  frozen = freeze(model.params, model.config, "hybrid")
  flat = flatten(model.params)
  for name in vectors(model.architecture):
    assert np.array_equal(frozen.tensors[name], flat[name])
  kernel, scale = flat["encoder/layer_0/kernel"], frozen.tensors["encoder/layer_0/kernel.scale"]
  np.testing.assert_allclose(scale[0], np.abs(kernel[:20]).max(axis=0) / 127, rtol=1e-6)
  np.testing.assert_allclose(scale[1], np.abs(kernel[20:]).max(axis=0) / 127, rtol=1e-6)
  assert frozen.tensors["prediction/embedding.scale"].shape == (1,)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_integer_biases_and_gains_are_in_their_units(model, cell, layer_norm):
  """Each bias, times the unit that freeze.py gives it, is the trained one to half a unit."""
  model = model(cell, layer_norm=layer_norm)
  frozen = freeze(model.params, model.config, "integer", ranges=model.ranges)
  formats = integer_formats(
    model.ranges, encoder_cell=cell, prediction_cell=cell, layer_norm=layer_norm
  )
  flat, tensors = flatten(model.params), frozen.tensors
  below = {
    "encoder/layer_0": formats["encoder/layer_0/input"].scale,
    "encoder/layer_1": formats["encoder/layer_0/output"].scale,
    "prediction/layer_0": tensors["prediction/embedding.scale"][0],
  }
  for layer in model.architecture.layers:
    bias = flat[f"{layer.path}/bias"].reshape(-1, layer.cells)
    stored = tensors[f"{layer.path}/bias"].reshape(-1, layer.cells)
    for g, gate in enumerate(layer.gates):
      if gate in layer.normalized:
        gain_scale = tensors[f"{layer.path}/gain.scale"][layer.normalized.index(gate)]
        unit = gain_scale / 1024
      else:
        unit = below[layer.path] * tensors[f"{layer.path}/kernel.scale"][0, g]
      assert np.abs(stored[g] * unit - bias[g]).max() <= 0.501 * unit
    if layer_norm:
      scale = np.repeat(tensors[f"{layer.path}/gain.scale"], layer.cells)
      error = np.abs(tensors[f"{layer.path}/gain"] * scale - flat[f"{layer.path}/gain"])
      assert (error <= 0.501 * scale).all()
  unit = formats["prediction/layer_0/output"].scale * tensors["joint/prediction.scale"][0]
  assert np.abs(tensors["joint/bias"] * unit - flat["joint/bias"]).max() <= 0.501 * unit
  unit = tensors["joint/output_kernel.scale"][0] / 128
  error = np.abs(tensors["joint/output_bias"] * unit - flat["joint/output_bias"])
  assert error.max() <= 0.501 * unit


def test_a_bias_too_large_for_its_unit_saturates_instead_of_wrapping(model):
  model = model()
  model.params["joint"]["output_bias"][:2] = [1e9, -1e9]
  frozen = freeze(model.params, model.config, "integer", ranges=model.ranges)
  assert frozen.tensors["joint/output_bias"][:2].tolist() == [2**30, -(2**30)]


@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
def test_masked_weights_are_zeros_and_the_others_do_not_notice(model, scheme):
  model = model()
  mask = np.random.default_rng(3).random((36, 96)) < 0.3
  masks = {"encoder": {"layer_0": {"kernel": mask, "bias": None}}, "joint": None}
  frozen = freeze(model.params, model.config, scheme, masks=masks, ranges=model.ranges)
  assert (frozen.tensors["encoder/layer_0/kernel"][~mask] == 0).all()
  model.params["encoder"]["layer_0"]["kernel"] *= mask
  already = freeze(model.params, model.config, scheme, ranges=model.ranges)
  for name, tensor in frozen.tensors.items():
    assert np.array_equal(tensor, already.tensors[name])


def test_bits_follow_the_rules_and_a_rule_without_effect_is_an_error(model):
  model = model()
  rules = {r"encoder/.*_kernel": Rule(bits=4, per="output"), r".*": Rule(per="output")}
  rules = {r"prediction/embedding": Rule(per="tensor"), **rules}
  frozen = freeze(model.params, model.config, "hybrid", rules=rules)
  assert np.abs(frozen.tensors["encoder/layer_1/kernel"]).max() == 7
  assert np.abs(frozen.tensors["joint/encoder"]).max() == 127
  with pytest.raises(ValueError, match=r"decide for nothing.*decoder"):
    freeze(model.params, model.config, "hybrid", rules={r"decoder/.*": Rule(), **rules})
  with pytest.raises(ValueError, match=r"no quantization rule applies to.*joint/encoder_kernel"):
    freeze(model.params, model.config, "hybrid", rules={r"encoder/.*": Rule()})


def broken(model, change):
  model = model()
  change(model.params)
  return model


@pytest.mark.parametrize(
  ("change", "reason"),
  [
    (lambda p: p["joint"].pop("bias"), "missing or unknown.*joint/bias"),
    (lambda p: p["joint"].update(extra=np.ones(3)), "joint/extra"),
    (lambda p: p["joint"].update(bias=np.ones(3)), r"joint/bias has shape \(3,\), the model needs"),
    (lambda p: p["joint"].update(bias=np.full(12, np.nan)), "joint/bias holds values that are not"),
  ],
)
def test_parameters_that_do_not_fit_are_named(model, change, reason):
  model = broken(model, change)
  with pytest.raises(ValueError, match=reason):
    freeze(model.params, model.config, "float")


def test_missing_ranges_unknown_schemes_and_wrong_masks_are_refused(model):
  model = model()
  with pytest.raises(ValueError, match="calibrate first"):
    freeze(model.params, model.config, "integer")
  with pytest.raises(ValueError, match="'int4', expected one of"):
    freeze(model.params, model.config, "int4")
  with pytest.raises(ValueError, match=r"the mask of joint/bias has shape \(3,\)"):
    freeze(model.params, model.config, "float", masks={"joint": {"bias": np.ones(3)}})
