import logging
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.train.checkpoint import CheckpointError, Checkpoints
from edge_rnnt.train.retention import Retention


def assert_equal(state, other):
  assert jax.tree.structure(state) == jax.tree.structure(other)
  for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True):
    if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
      a, b = jax.random.key_data(a), jax.random.key_data(b)
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


def numbered(state, number: float):
  """A state whose parameters tell it from others."""
  return state.replace(params=jax.tree.map(lambda leaf: jnp.full_like(leaf, number), state.params))


def number_of(state) -> float:
  return float(state.params["model"]["layer_0"]["kernel"][0, 0])


def spoil(directory: pathlib.Path, pattern: str = "*") -> None:
  """Cuts files in half, as a full disk or a broken copy would."""
  for path in directory.rglob(pattern):
    if path.is_file():
      path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_everything_comes_back_as_it_was(line, tmp_path):
  state = line.state()
  with Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.restore_latest(state) is None
    checkpoints.save(3, state, {"step": 3, "versions": {"jax": "x"}})
  with Checkpoints(tmp_path) as checkpoints:
    restored, about = checkpoints.restore_latest(line.state(seed=1))
  assert_equal(restored, state)
  assert about == {"step": 3, "versions": {"jax": "x"}}


def test_a_save_is_of_the_moment_it_was_called(line, tmp_path):
  """Steps go on at once and overwrite the very buffers that are being saved."""
  state, batches = line.state(), line.batches(0)
  expected = None
  with Checkpoints(tmp_path) as checkpoints:
    for step in range(1, 20):
      batch = next(batches)
      state, _ = line.first(state, *batch.arrays)
      if step == 10:
        expected = jax.tree.map(jnp.copy, state)
        checkpoints.save(step, state, {})
    assert_equal(checkpoints.restore_latest(state)[0], expected)


def test_the_newest_and_the_best_stay(line, tmp_path):
  with Checkpoints(tmp_path, Retention(latest=2, best=1)) as checkpoints:
    for step, wer in [(1, 0.5), (2, 0.2), (3, None), (4, 0.3), (5, None), (6, None)]:
      checkpoints.save(step, line.state(), {}, {"dev_wer": wer} if wer else None)
    assert checkpoints.best_step() == 2
  with Checkpoints(tmp_path) as checkpoints:  # and after a restart
    assert checkpoints.best_step() == 2
    assert checkpoints.latest_step() == 6
  assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "5", "6"]


@pytest.mark.parametrize(("latest", "best", "there"), [(1, 0, "4"), (3, 0, "234"), (1, 2, "124")])
def test_as_many_stay_as_were_asked_for(line, tmp_path, latest, best, there):
  with Checkpoints(tmp_path, Retention(latest=latest, best=best)) as checkpoints:
    for step, wer in [(1, 0.3), (2, 0.2), (3, 0.6), (4, 0.5)]:
      checkpoints.save(step, line.state(), {}, {"dev_wer": wer})
  assert sorted(path.name for path in tmp_path.iterdir()) == list(there)


@pytest.mark.parametrize("counts", [{"latest": 0}, {"best": -1}])
def test_nothing_to_resume_from_is_refused(counts):
  with pytest.raises(ValueError, match="at least the latest"):
    Retention(**counts)


def test_without_any_metric_none_is_best(line, tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    for step in (1, 2, 3):
      checkpoints.save(step, line.state(), {})
    assert checkpoints.best_step() is None
    assert checkpoints.latest_step() == 3


@pytest.mark.parametrize("pattern", ["*", "state/**/*", "metrics/*", "about/*"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(line, tmp_path, caplog, pattern):
  with Checkpoints(tmp_path) as checkpoints:
    for step in (1, 2):
      checkpoints.save(step, numbered(line.state(), step), {"step": step})
  spoil(tmp_path / "2", pattern)
  with caplog.at_level(logging.WARNING), Checkpoints(tmp_path) as checkpoints:
    state, about = checkpoints.restore_latest(line.state())
    assert number_of(state) == about["step"] == 1
    checkpoints.save(2, numbered(state, 20), {"step": 2})  # the step is free again
    assert number_of(checkpoints.restore_latest(state)[0]) == 20
  assert f"{tmp_path / '2'} is damaged" in caplog.text
  assert (tmp_path / "damaged-2").is_dir()


def test_a_killed_save_leaves_nothing_that_counts(line, tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, line.state(), {"step": 1})
  (tmp_path / "1").rename(tmp_path / "2.orbax-checkpoint-tmp")
  with Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.restore_latest(line.state()) is None
    checkpoints.save(3, line.state(), {"step": 3})
  assert [path.name for path in tmp_path.iterdir()] == ["3"]


def test_another_model_is_not_taken_for_damage(line, tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, line.state(), {})
  other = line.state().replace(params={"model": {"layer_0": {"kernel": jnp.ones((9, 4))}}})
  with Checkpoints(tmp_path) as checkpoints:
    message = r"another workdir(.|\n)*kernel: saved \(8, 4\), expected \(9, 4\)"
    with pytest.raises(CheckpointError, match=message):
      checkpoints.restore_latest(other)
    assert checkpoints.restore_latest(line.state()) is not None


def test_milestones_stay_under_their_names(line, tmp_path):
  with Checkpoints(tmp_path, Retention(latest=1)) as checkpoints:
    checkpoints.keep("dense", numbered(line.state(), 1), {"step": 1})
    checkpoints.keep("sparse-50", numbered(line.state(), 2), {"step": 2})
    checkpoints.keep("dense", numbered(line.state(), 3), {"step": 3})
    for step in range(3):
      checkpoints.save(step, line.state(), {})
  with Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.kept() == ["dense", "sparse-50"]
    for name, number in [("dense", 3), ("sparse-50", 2)]:
      state, about = checkpoints.restore_kept(name, line.state())
      assert number_of(state) == about["step"] == number
    with pytest.raises(CheckpointError, match=r"'sparse-80'.*\['dense', 'sparse-50'\]"):
      checkpoints.restore_kept("sparse-80", line.state())
    with pytest.raises(ValueError, match="milestone"):
      checkpoints.keep("../up", line.state(), {})


def test_what_cannot_be_written_is_named(line, tmp_path, monkeypatch):
  checkpoints = Checkpoints(tmp_path / "run")
  checkpoints.save(1, line.state(), {})
  checkpoints.wait()

  def full(*args, **kwargs):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(checkpoints._manager, "save", full)
  with pytest.raises(CheckpointError, match=r"step 2 .*No space left.*Whole: \[1\]"):
    checkpoints.save(2, line.state(), {})
  checkpoints.close()


def test_two_damaged_of_two_is_an_error(line, tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    for step in (1, 2):
      checkpoints.save(step, line.state(), {})
  spoil(tmp_path, "state/**/*")
  message = r"None of the checkpoints \[1, 2\]"
  with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match=message):
    checkpoints.restore_latest(line.state())
