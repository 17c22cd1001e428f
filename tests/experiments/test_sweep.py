"""Points become commands that do what a launcher does; failures stay with their point."""

import dataclasses
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import rich.console
from absl import flags
from ml_collections import config_flags

from experiments import (
  identity,
  recipe,
  recovery,
  sparsity_sweep,
  study_point,
  sweep,
  sweep_local,
)
from experiments.sweep import Job, Point, Sweep
from experiments.sweep_table import State

POINTS = (
  Point("half", 0, {"stages.prune.sparsity": 0.5, "pruning.block": (16, 1)}, "dense:dense"),
  Point("half", 1, {"stages.prune.sparsity": 0.5}, "dense:dense"),
  *sweep.dense_starts((0, 1)),
)


def jobs(points=POINTS, only="", overrides=None, tmp_path=None):
  config = recipe.get_config()
  config.update_from_flattened_dict(overrides or {})
  workdir = (tmp_path or pathlib.Path("runs")) / "here"
  arguments = Sweep("title", points), config, "experiments.sparsity_sweep", workdir
  return sweep.jobs(*arguments, overrides=overrides or {}, options=["--offline"], only=only)


def test_product_and_zip():
  axes = {"a": (1, 2), "b": ("x", "y")}
  assert [tuple(each.values()) for each in sweep.product(axes)] == [
    (1, "x"), (1, "y"), (2, "x"), (2, "y"),
  ]  # fmt: skip
  assert sweep.zipped(axes) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
  with pytest.raises(ValueError, match="zip"):
    sweep.zipped({"a": (1, 2), "b": (1,)})


def test_a_point_is_run_after_the_one_it_starts_from():
  order = [job.folder for job in jobs()]
  assert order == ["dense-0", "half-0", "dense-1", "half-1"]
  assert [job.needs for job in jobs()] == [None, "dense-0", None, "dense-1"]
  assert [job.folder for job in jobs(only=r"half-1")] == ["dense-1", "half-1"]


PARSE = """
from absl import app
from ml_collections import config_flags
from experiments import recipe
config = config_flags.DEFINE_config_dict("config", recipe.get_config())
app.run(lambda _: print(config.value.to_json()))
"""


def test_the_command_gives_the_launcher_the_config_of_the_point(tmp_path):
  """As ml_collections parses it, in a launcher's place."""
  for job in jobs(overrides={"batch_size": 8}, tmp_path=tmp_path)[:2]:
    assert job.command[:3] == (sys.executable, "-m", "experiments.sparsity_sweep")
    overrides = [each for each in job.command if each.startswith("--config.")]
    command = [sys.executable, "-c", PARSE, *overrides]
    parsed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert parsed == json.loads(job.config.to_json())
    assert parsed["batch_size"] == 8
    cache = f"--cache_dir={tmp_path / 'here' / 'cache'}"
    others = {f"--workdir={job.workdir}", cache, "--offline"}
    assert set(job.command[3:]) == others.union(overrides)


@pytest.mark.parametrize(
  ("points", "only", "told"),
  [
    ((Point("a", 0, {"model.encoder_sell": "sru"}),), "", "a-0.*encoder_cell"),
    ((Point("a", 0, {"batch_size": "many"}),), "", "a-0"),
    ((Point("a", 0, {"curriculum": ("hear", "denes")}),), "", "a-0.*denes.*expected some of"),
    ((Point("a", 0, {}, "b:dense"),), "", "a-0.*no point 'b-0'"),
    ((Point("a", 0, {}, "a:dense"),), "", "a-0.*needs itself"),
    ((Point("a", 0, {}), Point("a", 0, {"batch_size": 8})), "", "a-0"),
    (POINTS, "whole-0", r"--points=whole-0.*half-0"),
    (POINTS, "(half", r"--points=\(half is no pattern"),
  ],
)
def test_mistakes_are_told_before_anything_runs(points, only, told):
  with pytest.raises(sweep.BadSweep, match=f"(?s){told}"):
    jobs(points, only)


@pytest.mark.parametrize("module", [recovery, sparsity_sweep])
def test_a_launchers_points_fit_its_config(module, tmp_path):
  found = sweep.jobs(module.get_sweep(), module.get_config(), "module", tmp_path, overrides={})
  assert len(found) == len(module.get_sweep().points)


def script(folder, code, workdir, needs=None) -> Job:
  """A job that runs the code in its workdir, then writes what a finished run writes."""
  config = recipe.get_config()
  own = workdir / folder
  own.mkdir(parents=True, exist_ok=True)
  settings = json.dumps(json.loads(config.to_json_best_effort()) | {"speech": {}})
  end = f"open('results.json', 'w').write('x'); open('config.json', 'w').write({settings!r})"
  whole = f"import os; os.chdir({str(own)!r}); {code}; {end}"
  return Job(folder, own, (sys.executable, "-c", whole), config, needs)


def test_a_failed_point_stops_only_what_starts_from_it(tmp_path, capsys):
  def all_jobs(broken):
    return [
      script("bad", broken, tmp_path),
      script("after-bad", "pass", tmp_path, needs="bad"),
      script("good", "open('ran', 'a').write('+')", tmp_path),
      script("after-good", "assert os.path.exists('../good/results.json')", tmp_path, "good"),
    ]

  states = sweep_local.run(all_jobs("raise ValueError('no speech')"), 2, tmp_path / "logs")
  assert states == {
    "bad": State.FAILED,
    "after-bad": State.BLOCKED,
    "good": State.DONE,
    "after-good": State.DONE,
  }
  assert sweep_local.last_words(tmp_path / "logs" / "bad.log") == "ValueError: no speech"
  told = capsys.readouterr().out
  assert "bad: failed" in told and "after-bad: blocked" in told
  # Mended and run again, what was finished is not run again.
  assert set(sweep_local.run(all_jobs("pass"), 2, tmp_path / "logs").values()) == {State.DONE}
  assert (tmp_path / "good" / "ran").read_text() == "+"


def test_a_terminal_gets_a_table_of_all_points(tmp_path):
  """With the step and the dev WER that the end of the log tells, its last line cut short."""
  log = '{"step": 20, "loss": 1.0}\\n{"step": 20, "dev_wer": 0.125}\\n{"step": 3'
  jobs_ = [
    script("first", f"open('metrics.jsonl', 'w').write('{log}')", tmp_path),
    script("second", "1 / 0", tmp_path),
  ]
  written = io.StringIO()
  console = rich.console.Console(file=written, force_terminal=True, width=80)
  sweep_local.run(jobs_, 1, tmp_path / "logs", console)
  plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.getvalue())
  last = plain[plain.rindex("point") :]
  assert re.search(r"first +done +20/4600 +dev WER 12.5 % +[\d.]+ s", last)
  assert re.search(r"second +failed +0/4600", last)


def test_results_of_another_config_are_not_taken_for_finished(tmp_path):
  job = script("a", "pass", tmp_path)
  sweep_local.run([job], 1, tmp_path / "logs")
  assert job.is_finished()
  job.config.batch_size = 7
  assert not job.is_finished()


def parsed(job: Job, config, monkeypatch):
  """The config that the launcher of a job is given."""
  given = ["launcher", *(each for each in job.command if each.startswith("--config."))]
  monkeypatch.setattr(sys, "argv", given)  # where ml_collections looks for overrides
  values = flags.FlagValues()
  holder = config_flags.DEFINE_config_dict("config", config, flag_values=values)
  values(given)
  return holder.value


def test_a_finished_point_on_fake_data_is_finished(tmp_path, make_corpora, monkeypatch):
  """The run shortens itself: it remembers, and the sweep compares, the short config."""
  args = Sweep("title", POINTS), recipe.get_config(), "experiments.sparsity_sweep", tmp_path
  for job in sweep.jobs(*args, overrides={}, fake_data=True):
    job.workdir.mkdir()
    short = recipe.shortened(parsed(job, recipe.get_config(), monkeypatch))
    identity.remember(short, make_corpora(), job.workdir)
    assert not job.is_finished()  # no results yet
    (job.workdir / "results.json").write_text("{}")
    assert job.is_finished() and job.steps == 20 * len(job.config.curriculum)
  assert not any(job.is_finished() for job in sweep.jobs(*args, overrides={}))  # on speech


def test_a_sweep_that_was_moved_is_as_finished_as_it_was(tmp_path, make_corpora):
  """Not so a point that began with another state of its neighbour, or with another run."""
  begun, elsewhere = tmp_path / "begun", tmp_path / "elsewhere"
  args = recipe.get_config(), "experiments.sparsity_sweep"
  for job in sweep.jobs(Sweep("title", POINTS), *args, begun, overrides={}):
    job.workdir.mkdir(parents=True)
    identity.remember(job.config, make_corpora(), job.workdir)
    (job.workdir / "results.json").write_text("{}")
  begun.rename(elsewhere)
  assert all(
    job.is_finished() for job in sweep.jobs(Sweep("", POINTS), *args, elsewhere, overrides={})
  )
  others = [dataclasses.replace(POINTS[0], start_from="dense:half"), *POINTS[2:]]
  found = sweep.jobs(Sweep("", tuple(others)), *args, elsewhere, overrides={})
  assert {job.folder: job.is_finished() for job in found} == {
    "dense-0": True, "half-0": False, "dense-1": True,
  }  # fmt: skip
  given = {"start_from": f"{begun / 'dense-0'}:dense"}
  found = sweep.jobs(Sweep("", POINTS), *args, elsewhere, overrides=given)
  assert [job.is_finished() for job in found] == [True, False]


def test_numbers_that_follow_others_follow_a_points_own(tmp_path, monkeypatch):
  """study_point trains `scratch` for as many updates as two other stages together."""
  points = (Point("long", 0, {"stages.dense.steps": 7, "curriculum": ("scratch",)}),)
  args = Sweep("title", points), study_point.get_config(), "experiments.study_point", tmp_path
  (job,) = sweep.jobs(*args, overrides={})
  assert job.steps == 7 + study_point.get_config().stages.prune.steps
  given = parsed(job, study_point.get_config(), monkeypatch).copy_and_resolve_references()
  assert given.to_json() == job.config.to_json()


def test_no_more_run_at_once_than_were_asked_for(tmp_path):
  code = (
    "import time, glob; me = '../on-' + str(os.getpid()); open(me, 'w'); time.sleep(0.3);"
    "open('seen', 'w').write(str(len(glob.glob('../on-*')))); os.remove(me)"
  )
  sweep_local.run([script(f"p{i}", code, tmp_path) for i in range(3)], 1, tmp_path / "logs")
  assert [(tmp_path / f"p{i}" / "seen").read_text() for i in range(3)] == ["1"] * 3


def test_jobs_share_out_the_processors(tmp_path):
  have = sorted(os.sched_getaffinity(0))
  for at_once in (1, 2, len(have), 2 * len(have) + 1):
    shares = sweep_local.shares(at_once)
    assert len(shares) == at_once and set().union(*shares) == set(have)
    assert len(have) < at_once or sum(map(len, shares)) == len(have)
  if len(have) < 2:
    pytest.skip("one processor can't be shared out")
  code = "import time; open('on', 'w').write(repr(os.sched_getaffinity(0))); time.sleep(1)"
  sweep_local.run([script(f"p{i}", code, tmp_path) for i in range(2)], 2, tmp_path / "logs")
  seen = [frozenset(eval((tmp_path / f"p{i}" / "on").read_text())) for i in range(2)]
  assert sorted(map(sorted, seen)) == sorted(map(sorted, sweep_local.shares(2)))
  assert os.sched_getaffinity(0) == set(have)


def test_sigterm_reaches_the_points_and_is_waited_for(tmp_path):
  code = (
    "import signal, sys, time;"
    "signal.signal(signal.SIGTERM, lambda *_: (open('saved', 'w'), sys.exit(143)));"
    "open('ready', 'w'); time.sleep(60)"
  )
  jobs_ = [script("slow", code, tmp_path), script("later", "pass", tmp_path)]

  def stop_when_ready():
    while not (tmp_path / "slow" / "ready").exists():
      time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)

  before = signal.getsignal(signal.SIGTERM)
  threading.Thread(target=stop_when_ready, daemon=True).start()
  with pytest.raises(sweep_local.Stopped, match="same command"):
    sweep_local.run(jobs_, 1, tmp_path / "logs")
  assert (tmp_path / "slow" / "saved").exists() and not (
    tmp_path / "later" / "results.json"
  ).exists()
  assert signal.getsignal(signal.SIGTERM) is before


def test_print_commands_prints_a_line_a_point_and_runs_nothing(tmp_path):
  options = ["--print_commands", f"--workdir={tmp_path / 'w'}", "--points=none-2"]
  command = [sys.executable, "-m", "experiments.recovery", *options]
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  first, second = done.stdout.splitlines()
  assert "/w/dense-2" in first and f"--config.start_from={tmp_path}/w/dense-2:dense" in second
  assert not (tmp_path / "w").exists()
