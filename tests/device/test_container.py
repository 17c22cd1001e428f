"""Opening device files: good ones give everything back, bad ones are refused by name and reason."""

import json
import struct

import numpy as np
import pytest
import safetensors.numpy

from edge_rnnt.device.container import ContainerError, read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.export.freeze import freeze


@pytest.fixture
def path(model_file):
  return model_file("lstm", "integer")


def parts(path) -> tuple[dict, dict]:
  """(tensors, description) of a file, to be changed."""
  content = path.read_bytes()
  length = struct.unpack("<Q", content[:8])[0]
  metadata = json.loads(content[8 : 8 + length])["__metadata__"]
  return dict(safetensors.numpy.load(content)), json.loads(metadata["edge_rnnt"])


def rewrite(target, tensors, description):
  metadata = {"edge_rnnt": json.dumps(description)}
  target.write_bytes(safetensors.numpy.save(tensors, metadata))
  return target


@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
def test_everything_comes_back(example, tmp_path, scheme):
  example = example("cifg")
  container = read(example.write(tmp_path / "model.edge", scheme))
  frozen = freeze(example.params, example.config, scheme, ranges=example.ranges)
  assert container.scheme == scheme and container.card == "an example"
  assert container.architecture == frozen.architecture
  assert container.front_end == example.front_end
  assert container.wordpieces == example.wordpieces
  assert container.activations == {
    name: (value["scale"], value["zero_point"]) for name, value in frozen.activations.items()
  }
  for name, tensor in frozen.tensors.items():
    assert np.array_equal(container.tensor(name), tensor), name


def test_arrays_are_mapped_not_copied(path):
  container = read(path)
  for tensor in container.stored.values():
    base = tensor
    while isinstance(base.base, np.ndarray):
      base = base.base
    assert isinstance(base, np.memmap) and not tensor.flags.writeable


def test_nonzero_counts_weights(example, tmp_path):
  example = example("lstm")
  container = read(example.write(tmp_path / "model.edge", "float"))
  leaves = []

  def collect(node):
    for value in node.values():
      collect(value) if isinstance(value, dict) else leaves.append(value)

  collect(example.params)
  assert container.nonzero() == sum(np.count_nonzero(leaf) for leaf in leaves)


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 1000, -1])
def test_a_cut_file_is_refused(path, tmp_path, keep):
  cut = tmp_path / "cut.edge"
  cut.write_bytes(path.read_bytes()[:keep])
  with pytest.raises(ContainerError, match=r"cut\.edge"):
    read(cut)


def test_missing_files_and_folders_are_refused(tmp_path):
  for target in (tmp_path / "nowhere.edge", tmp_path):
    with pytest.raises(ContainerError, match=target.name):
      read(target)


FIELDS = {
  "version": (1, "format version 1, this program reads 2"),
  "scheme": ("binary", "scheme is 'binary'"),
  "model": ([], "not a usable device file"),
  "front_end": ({}, "lacks"),
  "activations": ({}, "activations missing"),
  "block": ([0, 1], "block is"),
  "card": (7, "no text"),
  "licence": ("none", "missing or unknown: .'licence'"),
}


@pytest.mark.parametrize("key", FIELDS)
def test_a_field_that_does_not_fit_is_refused(path, tmp_path, key):
  value, reason = FIELDS[key]
  tensors, description = parts(path)
  with pytest.raises(ContainerError, match=reason) as error:
    read(rewrite(tmp_path / "bad.edge", tensors, description | {key: value}))
  assert "bad.edge" in str(error.value)


def test_a_safetensors_file_of_others_is_refused(tmp_path):
  other = tmp_path / "other.safetensors"
  other.write_bytes(safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}))
  with pytest.raises(ContainerError, match=r"other.safetensors: .*not one of edge_rnnt's"):
    read(other)


@pytest.mark.parametrize(
  ("key", "values", "reason"),
  [
    ("model", {"encoder_cells": 25}, "expected"),
    ("model", {"encoder_cells": 1 << 30}, "encoder_cells is 1073741824"),
    ("model", {"encoder_layers": 1 << 19}, "more than 256 layers"),
    ("model", {"encoder_cell": "gru"}, "expected one of lstm, cifg, sru"),
    ("model", {"time_reduction_after": 2}, "there are only 2 encoder layers"),
    ("model", {"surprise": 1}, "unknown .*surprise"),
    ("front_end", {"stack": 8}, "the front end makes 80 features"),
    ("front_end", {"sample_rate": 10**12}, "sample_rate of the front end is"),
    ("activations", {"encoder/layer_0/cell": {"scale": 0.01, "zero_point": 0}}, "power of two"),
    ("activations", {"encoder/layer_0/input": {"scale": 0.01, "zero_point": 300}}, "300"),
    ("activations", {"encoder/layer_0/input": {"scale": -1.0, "zero_point": 0}}, "positive"),
    ("activations", {"encoder/layer_0/input": {"zero_point": 0}}, "scale"),
    ("activations", {"encoder/layer_0/input": {"scale": 1e30, "zero_point": 0}}, "factor in 0"),
  ],
)
def test_descriptions_that_do_not_fit_are_refused(path, tmp_path, key, values, reason):
  tensors, description = parts(path)
  description[key] |= values
  with pytest.raises(ContainerError, match=reason):
    Recognizer.open(rewrite(tmp_path / "bad.edge", tensors, description))


def drop(tensors):
  del tensors["joint/bias"]


def add(tensors):
  tensors["joint/extra"] = np.zeros(3, np.float32)


def retype(tensors):
  tensors["joint/bias"] = tensors["joint/bias"].astype(np.float32)


def reshape(tensors):
  tensors["joint/encoder.panels"] = tensors["joint/encoder.panels"].reshape(-1)


def negate(tensors):
  tensors["joint/encoder.scale"] = -tensors["joint/encoder.scale"]


def poison(tensors):
  tensors["joint/encoder.scale"] = np.full(1, np.nan, np.float32)


def unspell(tensors):
  del tensors["wordpieces"]


@pytest.mark.parametrize(
  ("change", "reason"),
  [
    (drop, "joint/bias"),
    (add, "joint/extra"),
    (retype, "joint/bias is float32"),
    (reshape, "joint/encoder.panels is int8"),
    (negate, "not positive"),
    (poison, "not numbers"),
    (unspell, "word-pieces are missing"),
  ],
)
def test_tensors_that_do_not_fit_are_refused(path, tmp_path, change, reason):
  tensors, description = parts(path)
  change(tensors)
  with pytest.raises(ContainerError, match=reason):
    read(rewrite(tmp_path / "bad.edge", tensors, description))


def pruned(example):
  kernel = example.params["encoder"]["layer_0"]["kernel"].copy()
  kernel[8:] = 0
  layer = example.params["encoder"]["layer_0"] | {"kernel": kernel}
  return example._replace(
    params=example.params | {"encoder": example.params["encoder"] | {"layer_0": layer}}
  )


def beyond(tensors, name):
  tensors[f"{name}.index"][3] = 200


def uncounted(tensors, name):
  tensors[f"{name}.count"][0] += 1


def unordered(tensors, name):
  tensors[f"{name}.count"][:2] = [2, 0]


def wide(tensors, name):
  tensors[f"{name}.index"] = tensors[f"{name}.index"].astype(np.uint16)


def headless(tensors, name):
  del tensors[f"{name}.count"]


def floating(tensors, name):
  tensors[f"{name}.blocks"] = tensors[f"{name}.blocks"].astype(np.float32)


@pytest.mark.parametrize(
  ("change", "reason"),
  [
    (beyond, "beyond the 7 blocks"),
    (uncounted, "counts add up"),
    (unordered, "do not rise"),
    (wide, "positions are uint16"),
    (headless, "layer_0/kernel is missing"),
    (floating, "another type"),
  ],
)
def test_blocks_that_do_not_fit_are_refused(example, tmp_path, change, reason):
  path = pruned(example("lstm")).write(tmp_path / "good.edge", "integer")
  tensors, description = parts(path)
  tensors = {name: tensor.copy() for name, tensor in tensors.items()}
  change(tensors, "encoder/layer_0/kernel")
  with pytest.raises(ContainerError, match=reason):
    read(rewrite(tmp_path / "bad.edge", tensors, description))


def test_any_damage_to_the_header_is_an_error_of_ours_or_harmless(path, tmp_path):
  """Random bytes in the header: a ContainerError, or a file that still opens; nothing else."""
  content, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
  length = struct.unpack("<Q", content[:8])[0]
  target, refused = tmp_path / "damaged.edge", 0
  for _ in range(300):
    damaged = bytearray(content)
    for place in rng.integers(0, 8 + length, rng.integers(1, 4)):
      damaged[place] = rng.integers(0, 256)
    target.write_bytes(damaged)
    try:
      Recognizer.open(target)
    except ContainerError as error:
      refused += str(target) in str(error)
  assert refused > 200
