"""Hybrid files with other weights: 4 bits per group, 8 bits per tensor; written, opened, run."""

import json
import struct

import jax
import numpy as np
import pytest
import safetensors.numpy

from edge_rnnt.device.container import ContainerError, read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.network import EncoderStream
from edge_rnnt.device.products import GroupProduct, HybridProduct
from edge_rnnt.device.reference import reference_network
from edge_rnnt.export.freeze import freeze
from edge_rnnt.export.layout import Weights, groups
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.quant import fake_quant
from edge_rnnt.quant.rules import HYBRID_PER_TENSOR, Rule, hybrid_int4

GROUP = 16  # the example's rows of x are 40 and 32, those of h 16
KINDS = {"tensor": HYBRID_PER_TENSOR, "group": hybrid_int4(GROUP)}
CASES = [(cell, kind) for cell in ("lstm", "cifg", "sru") for kind in KINDS]


def encode(path, frames: np.ndarray) -> np.ndarray:
  stream = EncoderStream(reference_network(read(path)).encoder, len(frames))
  rows = [stream.accept(frames[:, time]) for time in range(frames.shape[1])] + [stream.finish()]
  return np.stack([row for row in rows if row is not None], axis=1)


def pruned(example):
  """The example without most of its kernels' rows."""
  params = jax.tree.map(np.copy, example.params)
  for part in ("encoder", "prediction"):
    for layer in params[part].values():
      if isinstance(layer, dict):
        layer["kernel"][8:] = 0
  return example._replace(params=params)


@pytest.mark.parametrize(("cell", "kind"), CASES)
def test_the_file_gives_back_what_was_frozen(example, tmp_path, cell, kind):
  for each in (example(cell), pruned(example(cell))):
    path = each.write(tmp_path / "model.edge", "hybrid", rules=KINDS[kind])
    frozen = freeze(each.params, each.config, "hybrid", rules=KINDS[kind])
    container = read(path)
    assert container.weights == frozen.weights == Weights(kind, GROUP if kind == "group" else 0)
    for name, tensor in frozen.tensors.items():
      assert np.array_equal(container.tensor(name), tensor), name


@pytest.mark.parametrize(("cell", "kind"), CASES)
def test_the_engine_computes_what_fake_quantization_foretells(example, tmp_path, cell, kind):
  """SQNR over 30 dB: both round alike, and only sums of floats differ; now and then an activation
  falls to the other side of a half.
  """
  example = example(cell)
  path = example.write(tmp_path / "model.edge", "hybrid", rules=KINDS[kind])
  model = jax.jit(lambda *args: RNNT(example.config).apply(*args, method="encode"))
  tap = fake_quant.hybrid(KINDS[kind])
  expected, _ = model({"params": example.params}, example.frames, example.lengths, tap)
  got = encode(path, example.frames)
  valid = np.arange(got.shape[1]) < ((example.lengths + 1) // 2)[:, None]
  error = np.asarray(expected)[valid] - got[valid]
  assert 10 * np.log10((got[valid] ** 2).sum() / (error**2).sum()) > 30
  assert np.median(np.abs(error)) < 1e-2


def test_the_smaller_the_weights_the_smaller_the_file(example, tmp_path):
  """Bytes of the matrices of the example, counted by hand."""
  example = example("lstm")
  sizes = {}
  for kind, rules in (KINDS | {"output": None}).items():
    path = example.write(tmp_path / f"{kind}.edge", "hybrid", rules=rules)
    stored = read(path).stored
    sizes[kind] = sum(v.nbytes for n, v in stored.items() if n.startswith("encoder/layer_1/kernel"))
  rows, columns = 32 + 16, 4 * 24
  assert sizes["output"] == rows * columns + 4 * 2 * columns
  assert sizes["tensor"] == rows * columns + 4 * 2
  assert sizes["group"] == rows * columns // 2 + 2 * (groups(32, GROUP) + 1) * columns


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_stay_zeros_and_blocks_are_kept_as_they_are(example, tmp_path, kind):
  example = pruned(example("lstm"))
  container = read(example.write(tmp_path / "small.edge", "hybrid", rules=KINDS[kind]))
  large = example.write(tmp_path / "large.edge", "hybrid", rules=KINDS[kind], block=(64, 64))
  assert "encoder/layer_1/kernel.blocks" in container.stored
  assert container.stored["encoder/layer_1/kernel.index"].tolist() == [0] * 96
  assert not container.tensor("encoder/layer_1/kernel")[8:].any()
  assert np.array_equal(encode(container.path, example.frames), encode(large, example.frames))


@pytest.mark.parametrize("group", [8, 12, 50])
def test_the_product_of_groups_is_its_formula(group):
  rng = np.random.default_rng(0)
  x = rng.standard_normal((7, 50)).astype(np.float32)
  x[3] = 0
  weights = rng.integers(-7, 8, (50, 9)).astype(np.int8)
  scale = rng.uniform(0.001, 0.01, (groups(50, group), 9)).astype(np.float16)
  wide = np.repeat(scale.astype(np.float64), group, axis=0)[:50]
  step = np.abs(x).max(axis=1, keepdims=True) * np.float32(1 / 127)
  step[3] = 1
  expected = (np.round(x * (1 / step)).astype(np.float64) @ (weights * wide)) * step
  np.testing.assert_allclose(GroupProduct(weights, scale, group)(x), expected, rtol=1e-5, atol=1e-6)


def test_one_group_of_all_inputs_is_the_hybrid_product():
  rng = np.random.default_rng(1)
  x = rng.standard_normal((5, 20)).astype(np.float32)
  weights = rng.integers(-7, 8, (20, 4)).astype(np.int8)
  scale = rng.uniform(0.001, 0.01, (1, 4)).astype(np.float16)
  plain = HybridProduct(weights, scale[0].astype(np.float32))(x)
  np.testing.assert_allclose(GroupProduct(weights, scale, 20)(x), plain, rtol=1e-6)


def test_a_recognizer_runs_it_in_the_reference_engine(example, tmp_path):
  example = example("lstm")
  path = example.write(tmp_path / "model.edge", "hybrid", rules=KINDS["group"])
  recognizer = Recognizer.open(path)
  assert recognizer.engine == "reference"
  streamed = []
  for samples in example.utterances:
    stream = recognizer.stream()
    stream.accept(samples)
    stream.finish()
    streamed.append(stream.text)
  assert streamed == recognizer.recognize(example.utterances)


def rewrite(path, target, change):
  content = path.read_bytes()
  length = struct.unpack("<Q", content[:8])[0]
  metadata = json.loads(content[8 : 8 + length])["__metadata__"]
  description, tensors = json.loads(metadata["edge_rnnt"]), safetensors.numpy.load(content)
  change(description, tensors)
  target.write_bytes(safetensors.numpy.save(tensors, {"edge_rnnt": json.dumps(description)}))
  return target


@pytest.mark.parametrize(
  ("change", "reason"),
  [
    (lambda d, t: d.pop("weights"), "missing or unknown: .'weights'"),
    (lambda d, t: d.update(weights={"per": "row", "group": 0}), "a scale per 'row'"),
    (lambda d, t: d["weights"].update(group=0), "a group of weights is 0"),
    (lambda d, t: d["weights"].update(group=True), "a group of weights is True"),
    (lambda d, t: d["weights"].update(group=8), "expected float16"),
    (lambda d, t: d["weights"].update(bits=4), "weights has fields"),
    (lambda d, t: d.update(version=2), "missing or unknown: .'weights'"),
    (lambda d, t: d.update(version=4), "format version 4"),
    (lambda d, t: d.update(scheme="integer"), "only hybrid files"),
    (lambda d, t: t.pop("joint/encoder.nibbles"), "joint/encoder.nibbles"),
    (lambda d, t: t.update({"joint/encoder.scale": -t["joint/encoder.scale"]}), "not positive"),
  ],
)
def test_files_that_contradict_themselves_are_refused(example, tmp_path, change, reason):
  path = example("lstm").write(tmp_path / "good.edge", "hybrid", rules=KINDS["group"])
  with pytest.raises(ContainerError, match=reason):
    read(rewrite(path, tmp_path / "bad.edge", change))


@pytest.mark.parametrize(
  ("rules", "reason"),
  [
    ({r".*": Rule(bits=4, per="group", group=8)}, "embedding's scale per tensor"),
    ({r"prediction/embedding": Rule(per="tensor"), r".*": Rule()}, "others alike"),
    ({r"joint/.*": Rule(per="output"), r".*": Rule(per="tensor")}, "others alike"),
    (
      {r"prediction/embedding": Rule(per="tensor"), r".*": Rule(bits=8, per="group", group=8)},
      "weights of 4 bits",
    ),
  ],
)
def test_rules_that_no_file_can_follow_are_refused(example, rules, reason):
  example = example("lstm")
  with pytest.raises(ValueError, match=reason):
    freeze(example.params, example.config, "hybrid", rules=rules)
