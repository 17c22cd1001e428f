"""Writing device files: whole or not at all, and as small as blocks make them."""

import numpy as np
import pytest

from edge_rnnt import whole
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import container
from edge_rnnt.export.freeze import freeze

FRONT_END = FrontEnd(num_mels=5).to_json()


def pruned(model, keep: float):
  """A model whose first kernel (20 + 16 rows, 5 blocks a column) keeps a share of its blocks."""
  model = model()
  mask = np.repeat(np.random.default_rng(0).random((5, 96)) < keep, 8, axis=0)[:36]
  model.params["encoder"]["layer_0"]["kernel"] *= mask
  return model, int(mask[::8].sum())


@pytest.mark.parametrize("scheme", ["float", "integer"])
def test_a_pruned_kernel_costs_its_kept_blocks_and_their_places(model, scheme):
  model, kept = pruned(model, 0.2)
  frozen = freeze(model.params, model.config, scheme, ranges=model.ranges)
  tensors = container.stored(frozen)
  name, width = "encoder/layer_0/kernel", frozen.tensors["encoder/layer_0/kernel"].itemsize
  dense = "" if scheme == "float" else ".panels"
  assert not {name, f"{name}.panels"} & set(tensors)
  assert f"encoder/layer_1/kernel{dense}" in tensors
  size = sum(tensors[f"{name}.{part}"].nbytes for part in ("blocks", "index", "count"))
  assert size == kept * (8 * width + 1) + 96


def test_a_kernel_that_blocks_would_make_larger_stays_dense(model):
  model, _ = pruned(model, 0.95)
  tensors = container.stored(freeze(model.params, model.config, "integer", ranges=model.ranges))
  assert "encoder/layer_0/kernel.panels" in tensors
  assert "encoder/layer_0/kernel.blocks" not in tensors


def test_sizes_by_part_add_up_to_the_file(model, tmp_path):
  model, _ = pruned(model, 0.5)
  frozen = freeze(model.params, model.config, "integer", ranges=model.ranges)
  path = tmp_path / "model.edge"
  written = container.write(path, frozen, FRONT_END, b"pieces", "a card")
  sizes = container.sizes(container.stored(frozen) | {"wordpieces": np.zeros(6, np.uint8)})
  assert written == path.stat().st_size
  header = int.from_bytes(path.read_bytes()[:8], "little")
  assert sum(sizes.values()) + 8 + header == written
  assert set(sizes) == {
    "encoder/layer_0",
    "encoder/layer_1",
    "prediction/layer_0",
    "prediction/embedding",
    "joint",
    "wordpieces",
  }


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
  frozen = freeze(model().params, model().config, "float")
  for name in "ab":
    container.write(tmp_path / name, frozen, FRONT_END, b"pieces")
  assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_no_other(model, tmp_path, monkeypatch):
  path = tmp_path / "model.edge"
  path.write_bytes(b"the old file")

  def fail(_):
    raise OSError("disk full")

  monkeypatch.setattr(whole.os, "fsync", fail)
  with pytest.raises(OSError, match="disk full"):
    container.write(path, freeze(model().params, model().config, "float"), FRONT_END, b"pieces")
  assert [p.name for p in tmp_path.iterdir()] == ["model.edge"]
  assert path.read_bytes() == b"the old file"


@pytest.mark.parametrize(
  ("name", "value", "reason"),
  [
    ("joint/bias", np.zeros(3, np.float32), r"joint/bias is float32 \(3,\), expected float32"),
    ("joint/bias", np.zeros(12), "joint/bias is float64"),
    ("joint/extra", np.zeros(3), "missing or unknown.*joint/extra"),
  ],
)
def test_arrays_that_do_not_fit_the_layout_are_not_written(model, tmp_path, name, value, reason):
  frozen = freeze(model().params, model().config, "float")
  frozen = frozen._replace(tensors={**frozen.tensors, name: value})
  with pytest.raises(ValueError, match=reason):
    container.write(tmp_path / "model.edge", frozen, FRONT_END, b"pieces")
  assert not list(tmp_path.iterdir())
