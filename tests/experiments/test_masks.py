"""The masks of a run that has finished, and of states made by hand."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.prune import schedule, transform
from experiments import masks


def run(capsys, *arguments) -> str:
  masks.main([str(each) for each in arguments])
  return capsys.readouterr().out


def test_every_kept_state_is_exact(workdir, capsys):
  """60 of 120 rows in blocks of 8: [12 * 4 + 24, 4 * 32] is 9 x 128 blocks, and so on."""
  rows = json.loads(run(capsys, workdir, "--json"))
  blocks = {
    "encoder/layer_0/kernel": 9 * 128,
    "encoder/layer_1/kernel": 9 * 128,
    "prediction/layer_0/kernel": 4 * 96,
  }
  for state, sparsity in (("dense", 0.0), ("sparse50", 0.5), ("sparse80", 0.8)):
    found = {row["kernel"]: row for row in rows if row["state"] == state}
    assert {kernel: row["blocks"] for kernel, row in found.items()} == blocks
    for row in found.values():
      assert row["kept"] == row["asked"] == round(row["blocks"] * (1 - sparsity))
      assert row["zeros"] == row["pruned"] == 8 * (row["blocks"] - row["kept"])


def test_one_state_its_masks_and_its_table(workdir, capsys, tmp_path):
  told = run(capsys, f"{workdir}:sparse50", "--output", tmp_path / "masks.npz")
  assert "encoder/layer_0/kernel" in told and "576" in told and "sparse80" not in told
  with np.load(tmp_path / "masks.npz") as saved:
    mask = saved["sparse50/encoder/layer_0/kernel"]
  assert mask.shape == (72, 128) and mask.sum() == 576 * 8
  np.testing.assert_array_equal(mask, np.repeat(mask[::8], 8, axis=0))  # whole blocks


def test_a_checkpoint_of_an_update(workdir, capsys):
  update = max(int(path.name) for path in (workdir / "checkpoints").glob("[0-9]*"))
  rows = json.loads(run(capsys, f"{workdir}:{update}", "--json"))
  assert {row["state"] for row in rows} == {str(update)}
  assert all(row["zeros"] == row["pruned"] > 0 for row in rows)


def made(spoiled=False) -> masks.Saved:
  """Two kernels that are ranked together, at 50 %: all of the second stays."""
  kernels = {"layer_0": jnp.full((8, 4), 1.0), "layer_1": jnp.full((8, 4), 2.0)}
  params = {"encoder": {name: {"kernel": kernel} for name, kernel in kernels.items()}}
  link = transform.gradual(schedule.constant(0.5), across="pattern").init(params)
  if spoiled:
    params = jax.tree.map(lambda leaf: leaf.at[0, 0].set(jnp.nan), params)
  config = {
    "pruning": {"shares": {"encoder": 1.0}, "across": "pattern"},
    "curriculum": ["half"],
    "stages": {"half": {"sparsity": 0.5, "keep_as": "sparse50"}},
  }
  return masks.Saved("sparse50", params, link, config)


def test_kernels_that_are_ranked_together_are_judged_together():
  *alone, together = masks.rows(made())
  assert [(row.kept, row.asked) for row in alone] == [(0, None), (4, None)]
  assert (together.kept, together.asked, together.pruned) == (4, 4, 32) and together.exact
  assert together.kernel == "encoder/layer_0/kernel + encoder/layer_1/kernel"


def test_what_is_not_exact_is_told():
  assert not any(row.exact for row in masks.rows(made(spoiled=True)) if row.pruned)
  other = made()
  other.config["stages"]["half"]["sparsity"] = 0.75
  *_, together = masks.rows(other)
  assert (together.kept, together.asked, together.exact) == (4, 2, False)


@pytest.mark.parametrize(
  ("state", "told"),
  [(":sparse99", "no such state.*dense, sparse50, sparse80"), ("/nowhere", "is nothing")],
)
def test_a_state_that_was_not_saved_is_named(workdir, state, told):
  with pytest.raises(SystemExit, match=told):
    masks.main([f"{workdir}{state}"])
