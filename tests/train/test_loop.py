import dataclasses
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest

from edge_rnnt.inputs.batching import Batch
from edge_rnnt.train.checkpoint import CheckpointError, Checkpoints
from edge_rnnt.train.loop import Stage, fit, stage_of
from edge_rnnt.train.monitor import NotFinite
from edge_rnnt.train.retention import Retention
from edge_rnnt.train.stop import Stopped

STEPS = 40


def stages(line) -> list[Stage]:
  return [
    Stage("first", 15, line.first, keep_as="dense"),
    Stage("second", STEPS - 15, line.second, keep_as="sparse50"),
  ]


def run(line, workdir, **options):
  """A run of 40 updates in two stages; the masks change at 10, 15, 20 and 25."""
  defaults = {"batches": line.batches, "save_seconds": 0.0, "log_every": 5}
  return fit(line.state(), stages=stages(line), workdir=workdir, **(defaults | options))


def leaves_of(state) -> list[np.ndarray]:
  return [np.asarray(leaf) for leaf in jax.tree.leaves(state.replace(rng=None))]


def assert_same_bits(state, other):
  for a, b in zip(leaves_of(state), leaves_of(other), strict=True):
    np.testing.assert_array_equal(a, b)


def log_of(workdir) -> list[dict]:
  return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(line, tmp_path_factory):
  """The last state of a run that nobody stopped, and its workdir."""
  workdir = tmp_path_factory.mktemp("undisturbed")
  return run(line, workdir), workdir


def broken_after(line, updates: int):
  """Batches until `updates` are done, then an end as sudden as a crash."""

  def batches(start):
    for number, batch in enumerate(line.batches(start), start + 1):
      if number > updates:
        raise ConnectionError("the disk went away")
      yield batch

  return batches


@pytest.mark.parametrize("updates", [1, 15, 22])
def test_a_broken_run_goes_on_to_the_same_bits(line, undisturbed, tmp_path, updates):
  with pytest.raises(ConnectionError):
    run(line, tmp_path, batches=broken_after(line, updates))
  assert_same_bits(run(line, tmp_path), undisturbed[0])


def test_broken_again_and_again_between_saves(line, undisturbed, tmp_path):
  """Checkpoints only at the stages' ends: work is done twice, and comes out the same."""
  for updates in (4, 21, 33):
    with pytest.raises(ConnectionError):
      run(line, tmp_path, batches=broken_after(line, updates), save_seconds=1e9)
  assert_same_bits(run(line, tmp_path, save_seconds=1e9), undisturbed[0])
  steps = [record["step"] for record in log_of(tmp_path)]
  assert steps == sorted(set(steps))
  assert steps[-1] == STEPS


def test_a_finished_run_is_not_run_again(line, undisturbed):
  def no_batches(start):
    pytest.fail(f"asked for batches from {start} on")

  assert_same_bits(run(line, undisturbed[1], batches=no_batches), undisturbed[0])


def test_what_a_run_leaves_behind(line, undisturbed):
  last, workdir = undisturbed
  log = log_of(workdir)
  assert [record["step"] for record in log] == list(range(5, STEPS + 1, 5))
  assert {record["stage"] for record in log[:3]} == {"first"}
  assert {record["stage"] for record in log[3:]} == {"second"}
  assert log[-1]["loss"] < 0.1 * log[0]["loss"]
  assert (log[0]["sparsity"], log[-1]["sparsity"]) == (0.0, 0.5)
  for record in log:
    assert {"grad_norm", "frames_per_second", "padding", "input_wait"} <= set(record)
  assert list((workdir / "tensorboard").iterdir())
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    assert checkpoints.kept() == ["dense", "sparse50"]
    dense, about = checkpoints.restore_kept("dense", last)
    assert int(dense.step) == about["step"] == about["next_batch"] == 15
    assert_same_bits(checkpoints.restore_kept("sparse50", last)[0], last)


def test_evaluations_are_logged_and_rank_checkpoints(line, tmp_path, capsys):
  wers = {10: 0.4, 15: 0.2, 20: 0.3, 30: 0.6, 40: 0.5}
  seen = []

  def evaluate(state):
    seen.append(int(state.step))
    return {"dev_wer": wers[seen[-1]]}

  options = {"evaluate_every": 10, "retention": Retention(latest=3)}
  run(line, tmp_path, evaluate=evaluate, about={"config": {"cells": 4}}, **options)
  assert seen == [10, 15, 20, 30, 40]  # every 10 and at the stages' ends
  logged = {each["step"]: each["dev_wer"] for each in log_of(tmp_path) if "dev_wer" in each}
  assert logged == wers
  assert "step 15: dev_wer 20.0%" in capsys.readouterr().out
  with Checkpoints(tmp_path / "checkpoints") as checkpoints:
    assert checkpoints.best_step() == 15
    _, about = checkpoints.restore_latest(line.state())
    assert about == {"step": 40, "next_batch": 40, "config": {"cells": 4}}
  saved = {path.name for path in (tmp_path / "checkpoints").iterdir()}
  assert saved == {"15", "38", "39", "40", "milestones"}  # the best, and as many of the latest


def test_a_nan_stops_the_run_and_is_in_no_checkpoint(line, tmp_path):
  def spoiled(start):
    return line.batches(start, spoiled=22)  # update 23

  with pytest.raises(NotFinite) as error:
    run(line, tmp_path, batches=spoiled, save_seconds=1e9)
  message = str(error.value)
  assert "at step 23 of stage 'second'" in message
  assert "utterance-22-0, utterance-22-1" in message
  assert "utterance-21-0" not in message
  assert f"step 15, in {tmp_path / 'checkpoints'}" in message
  with Checkpoints(tmp_path / "checkpoints") as checkpoints:
    state, about = checkpoints.restore_latest(line.state())
  assert about["step"] == 15
  assert all(np.isfinite(leaf).all() for leaf in leaves_of(state))


@pytest.mark.parametrize(
  ("signum", "update"),
  [(signal.SIGTERM, 18), (signal.SIGINT, 18), (signal.SIGTERM, 3)],  # 3: before any checkpoint
)
def test_a_signal_saves_and_the_same_call_goes_on(
  line, undisturbed, tmp_path, capsys, signum, update
):
  def batches(start):
    for number, batch in enumerate(line.batches(start), start + 1):
      if number == update and start == 0:
        os.kill(os.getpid(), signum)
      yield batch

  with pytest.raises(Stopped) as stopped:
    run(line, tmp_path, batches=batches, save_seconds=1e9)
  assert stopped.value.code == 128 + signum
  assert f"Stopped at step {update}" in str(stopped.value)
  assert "same command resumes" in capsys.readouterr().out
  assert_same_bits(run(line, tmp_path, batches=batches), undisturbed[0])
  assert f"Resuming at step {update} of 40" in capsys.readouterr().out


def test_a_signal_cuts_an_evaluation_short(line, undisturbed, tmp_path):
  def evaluate(state):
    if int(state.step) == 20:
      os.kill(os.getpid(), signal.SIGTERM)
      pytest.fail("went on after the signal")
    return {"dev_wer": 0.5}

  with pytest.raises(Stopped, match="step 20"):
    run(line, tmp_path, evaluate=evaluate, evaluate_every=20)
  assert_same_bits(run(line, tmp_path), undisturbed[0])


def struck_while_compiled(step, rows: int):
  """The step, with a signal in the middle of its compilation for so many rows."""

  def compiled(state, *batch):
    if len(batch[0]) == rows:
      os.kill(os.getpid(), signal.SIGTERM)
    return step(state, *batch)

  return jax.jit(compiled, donate_argnums=0)


def fewer_rows(line, updates: int):
  """Batches of 8 rows; one of 4 after so many updates."""

  def batches(start):
    for number, batch in enumerate(line.batches(start), start):
      fields = vars(batch).items()
      yield Batch(**{k: v[:4] for k, v in fields}) if number == updates else batch

  return batches


@pytest.mark.parametrize(
  ("stage", "rows", "done", "told"),
  [
    (0, 8, 0, "step 0, before the first update"),
    (1, 8, 15, "step 15, saved"),  # nothing is saved twice
    (0, 4, 9, "step 9, saved"),  # a bucket's first batch
  ],
)
def test_a_signal_cuts_a_compilation_short_and_nothing_is_lost(
  line, tmp_path, stage, rows, done, told
):
  options = {"batches": fewer_rows(line, 9), "save_seconds": 1e9}
  struck = stages(line)
  step = struck_while_compiled(struck[stage].step, rows)
  struck[stage] = dataclasses.replace(struck[stage], step=step)
  with pytest.raises(Stopped, match=told) as stopped:
    fit(line.state(), stages=struck, workdir=tmp_path / "struck", **options)
  assert stopped.value.code == 143
  with Checkpoints(tmp_path / "struck" / "checkpoints") as checkpoints:
    assert checkpoints.latest_step() == (done or None)
  last = run(line, tmp_path / "struck", **options)
  assert_same_bits(last, run(line, tmp_path / "undisturbed", **options))


def test_a_profile_changes_nothing_and_is_of_the_updates_asked_for(line, undisturbed, tmp_path):
  assert_same_bits(run(line, tmp_path, profile=3), undisturbed[0])
  (trace,) = (tmp_path / "profile").rglob("*.trace.json.gz")
  events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
  calls = [each for each in events if each.get("name") == "PjitFunction(step)"]
  spans = sorted((each["ts"], each["ts"] + each["dur"]) for each in calls)
  ends = np.maximum.accumulate([end for _, end in spans])
  outer = 1 + sum(begin >= end for (begin, _), end in zip(spans[1:], ends, strict=False))
  assert outer == 3  # each call names its own inner part once more


def test_input_that_ends_too_soon_is_named(line, tmp_path):
  def few(start):
    return iter([next(line.batches(start))])

  with pytest.raises(ValueError, match="ended after 1 updates"):
    run(line, tmp_path, batches=few)


def test_a_workdir_of_another_model_is_refused(line, undisturbed):
  other = line.state().replace(params={"model": {"layer_0": {"kernel": jax.numpy.ones((9, 4))}}})
  with pytest.raises(CheckpointError, match="another workdir"):
    fit(other, stages=stages(line), batches=line.batches, workdir=undisturbed[1])


def test_which_stage_an_update_belongs_to(line):
  found = [stage_of(stages(line), done) for done in (1, 15, 16, 40)]
  assert [(stage.name, is_end) for stage, is_end in found] == [
    ("first", False),
    ("first", True),
    ("second", False),
    ("second", True),
  ]
  with pytest.raises(ValueError, match="41"):
    stage_of(stages(line), 41)


KILLED = textwrap.dedent("""
  import pathlib, sys
  sys.path.insert(0, sys.argv[1])
  from conftest import Line
  from test_loop import run
  run(Line(), pathlib.Path(sys.argv[2]), save_seconds=0.02)
""")


FULL = textwrap.dedent("""
  import pathlib, resource, sys
  sys.path.insert(0, sys.argv[1])
  from conftest import Line
  from edge_rnnt.train.checkpoint import CheckpointError
  from test_loop import run
  line = Line()

  def batches(start):
    for number, batch in enumerate(line.batches(start), start + 1):
      if number == 20:  # from here on no file can grow: what a full disk does to a writer
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
      yield batch

  try:
    run(line, pathlib.Path(sys.argv[2]), batches=batches, save_seconds=0.0, log_every=1000)
  except CheckpointError as error:
    print(error)
""")


def test_a_disk_that_fills_up_is_named_and_the_run_goes_on_from_what_was_whole(
  line, undisturbed, tmp_path, request
):
  command = [sys.executable, "-c", FULL, str(request.path.parent), str(tmp_path)]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  last = (done.stdout.strip().splitlines() or [""])[-1]
  assert "could not be written to" in last and "Whole:" in last, done.stderr[-2000:]
  with Checkpoints(tmp_path / "checkpoints") as checkpoints:
    _, about = checkpoints.restore_latest(line.state())
  assert 15 <= about["step"] < 25
  assert_same_bits(run(line, tmp_path), undisturbed[0])


@pytest.mark.slow
def test_killed_at_random_moments_ten_times(line, undisturbed, tmp_path, request):
  """SIGKILL to a process of its own, wherever it strikes: start, compilation, update, save."""
  command = [sys.executable, "-c", KILLED, str(request.path.parent), str(tmp_path)]
  rng = np.random.default_rng(0)
  killed = 0
  while killed < 10:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_work(tmp_path, process)
    try:
      process.wait(timeout=rng.uniform(0, 0.5))
      break  # it came to its end
    except subprocess.TimeoutExpired:
      process.kill()
      process.wait()
      killed += 1
  assert killed > 0
  assert_same_bits(run(line, tmp_path), undisturbed[0])


def wait_for_work(workdir: pathlib.Path, process: subprocess.Popen) -> None:
  """Until the process has made a checkpoint of its own, or has ended."""
  before = {path.name for path in (workdir / "checkpoints").glob("*")}
  while process.poll() is None:
    if {path.name for path in (workdir / "checkpoints").glob("*")} - before:
      return
    try:
      process.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
      continue
