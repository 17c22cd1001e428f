"""Schedule and masks against TensorFlow's model optimization toolkit 0.8.1 (goldens/tfmot.py)."""

import json
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.prune import masks, schedule

GOLDENS = json.loads(pathlib.Path(__file__).with_name("goldens").joinpath("tfmot.json").read_text())
POOLS = {"AVG": "mean", "MAX": "max"}


@pytest.mark.parametrize("golden", GOLDENS["schedules"], ids=lambda each: str(each["rise"]))
def test_the_cubic_schedule(golden):
  begin, end, initial, final = golden["rise"]
  ours = schedule.cubic(begin, end, final, initial=initial)
  found = [float(ours(step)) for step in golden["steps"]]
  np.testing.assert_allclose(found, golden["sparsity"], atol=2e-6)


@pytest.mark.parametrize("shape", [(32, 48), (48, 32)], ids=str)
@pytest.mark.parametrize("block", [(1, 1), (8, 1), (1, 8), (16, 1), (1, 16)], ids=str)
def test_block_masks(block, shape):
  """Of shapes that are whole blocks. For others its pooling pads on both sides ("SAME"), half of it
  before the first row, and then lays the mask from the first row on: scores of other weights."""
  cases = [
    each for each in GOLDENS["masks"] if (each["block"], each["shape"]) == ([*block], [*shape])
  ]
  assert len(cases) == 4  # two sparsities, two ways to score a block
  for case in cases:
    weights = np.random.default_rng(case["seed"]).standard_normal(shape).astype(np.float32)
    ours = masks.keep_mask(jnp.asarray(weights), case["sparsity"], block, POOLS[case["pool"]])
    rows = [np.unpackbits(np.frombuffer(bytes.fromhex(row), np.uint8)) for row in case["rows"]]
    theirs = np.stack(rows)[:, : shape[1]].astype(bool)
    np.testing.assert_array_equal(np.asarray(ours), theirs, err_msg=str(case["pool"]))
    assert 0 < theirs.mean() < 1
