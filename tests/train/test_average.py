"""Kept states that are the mean of checkpoints."""

import logging
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.train import average
from edge_rnnt.train.checkpoint import Checkpoints
from edge_rnnt.train.loop import Stage, fit
from edge_rnnt.train.retention import Retention
from edge_rnnt.train.state import inference_params


def kernel(tree) -> np.ndarray:
  return np.asarray(tree["model"]["layer_0"]["kernel"])


def stages(line) -> list[Stage]:
  return [
    Stage("first", 15, line.first, keep_as="dense"),
    Stage("second", 25, line.second, keep_as="sparse50"),
  ]


def run(line, workdir, *, batches=None, evaluate=None):
  """15 updates dense, 25 more to half of the weights; three weights averaged, 4 updates apart."""
  return fit(
    line.state(), stages=stages(line), batches=batches or line.batches, workdir=workdir,
    save_seconds=1e9, evaluate=evaluate, retention=Retention(average=3, spacing=4),
  )  # fmt: skip


@pytest.fixture(scope="module")
def plain(line):
  """(moving average, inference weights) of every update, nothing averaged over checkpoints."""
  state, found = line.state(), [None]
  for done, batch in zip(range(1, 41), line.batches(0), strict=False):
    step = line.first if done <= 15 else line.second
    state, _ = step(state, *batch.arrays)
    found.append((kernel(state.ema), kernel(inference_params(state))))
  return found


def check_kept(checkpoints, line, plain):
  for name, steps in {"dense": [7, 11, 15], "sparse50": [32, 36, 40]}.items():
    kept, about = checkpoints.restore_kept(name, line.state())
    assert about["averaged"] == steps
    mask = plain[steps[-1]][1] != 0
    mean = np.mean([plain[step][0] for step in steps], axis=0)
    got = kernel(inference_params(kept))
    np.testing.assert_allclose(got, np.where(mask, mean, 0), rtol=1e-5, atol=1e-6)
    assert not np.allclose(got, plain[steps[-1]][1], rtol=1e-3)


def test_what_is_kept_is_the_mean_masked_as_the_last(line, plain, tmp_path):
  seen = []

  def evaluate(state):
    seen.append((int(state.step), kernel(inference_params(state))))
    return {"dev_wer": 0.5}

  last = run(line, tmp_path, evaluate=evaluate)
  np.testing.assert_allclose(
    kernel(last.ema), plain[40][0], rtol=1e-5, atol=1e-6
  )  # trains on as is
  with Checkpoints(tmp_path / "checkpoints") as checkpoints:
    check_kept(checkpoints, line, plain)
    kept, _ = checkpoints.restore_kept("sparse50", line.state())
  assert [step for step, _ in seen] == [15, 15, 40, 40]  # as it is, and averaged
  np.testing.assert_array_equal(seen[-1][1], kernel(inference_params(kept)))
  assert "average_dev_wer" in (tmp_path / "metrics.jsonl").read_text()
  steps = {path.name for path in (tmp_path / "checkpoints").iterdir()}
  assert "36" in steps and not steps & {"7", "11"}  # no longer needed


@pytest.mark.parametrize("updates", [9, 13, 34, 39])
def test_a_broken_run_keeps_the_same(line, plain, tmp_path, updates):
  def batches(start):
    for number, batch in enumerate(line.batches(start), start + 1):
      if number > updates:
        raise ConnectionError("the disk went away")
      yield batch

  with pytest.raises(ConnectionError):
    run(line, tmp_path, batches=batches)
  run(line, tmp_path)
  with Checkpoints(tmp_path / "checkpoints") as checkpoints:
    check_kept(checkpoints, line, plain)


def test_one_that_is_gone_is_named_and_left_out(line, tmp_path, caplog):
  def numbered(value):
    return line.state().replace(
      ema=jax.tree.map(lambda x: jnp.full_like(x, value), line.state().ema)
    )

  with Checkpoints(tmp_path, Retention(latest=3)) as checkpoints:
    for step in (1, 2):
      checkpoints.save(step, numbered(float(step)), {})
    checkpoints.wait()
    shutil.rmtree(tmp_path / "1")
    with caplog.at_level(logging.WARNING):
      mean, used = average.averaged(numbered(6.0), checkpoints, (1, 2))
  assert used == [2] and np.all(kernel(mean.ema) == 4.0)
  assert "without step 1" in caplog.text


def test_without_a_moving_average_the_parameters_are_averaged(line, tmp_path):
  def numbered(value):
    state = line.state().replace(ema=None)
    return state.replace(params=jax.tree.map(lambda x: jnp.full_like(x, value), state.params))

  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, numbered(1.0), {})
    mean, _ = average.averaged(numbered(4.0), checkpoints, (1,))
  assert mean.ema is None and np.all(kernel(mean.params) == 2.5)


def test_what_reaches_beyond_a_stage_is_refused(line, tmp_path):
  assert average.members(15, 40, 3, 12) == (16, 28)
  with pytest.raises(ValueError, match=r"reach back 26 updates.*has 25"):
    average.members(15, 40, 3, 13)
  with pytest.raises(ValueError, match="average=0"):
    Retention(average=0)
