"""What --dry_run tells is counted from the arrays themselves, and it leaves nothing behind."""

import jax
import pytest

from experiments import dry_run, pipeline


def test_a_dry_run_counts_and_writes_nothing(make_config, make_corpora, tmp_path):
  config = make_config()
  config.curriculum, config.synthetic = ("half",), 0
  speech, run = pipeline.prepare(config, make_corpora(), tmp_path)
  lines = dry_run.told(config, speech, run).splitlines()
  params = sum(leaf.size for leaf in jax.tree.leaves(run.state.params))
  told = next(line for line in lines if line.startswith("Parameters"))
  assert told.endswith(f"{params:,} in training")
  state = next(line for line in lines if line.startswith("Training state"))
  # Parameters, two moments and the average in float32, and a little for masks.
  assert float(state.split()[2]) == pytest.approx(16 * params / 2**30, abs=6e-4)
  assert lines[-1].strip().startswith("half: 40 updates, each") and "GiB" in lines[-1]
  assert int(run.state.step) == 0 and not list(tmp_path.iterdir())
