"""What is left of a sweep, counted from what its points have written."""

import json
import time

import pytest

from experiments import recipe, sweep_budget, sweep_table
from experiments.sweep import Job


@pytest.fixture
def jobs(tmp_path):
  """Four runs of 100 updates: finished, half done, begun, and not begun."""
  config = recipe.get_config()
  config.curriculum = ("dense",)
  config.stages.dense.steps = 100
  made = [Job(f"{name}-0", tmp_path / f"{name}-0", ("true",), config, None) for name in "abcd"]
  written = json.dumps(json.loads(config.to_json_best_effort()) | {"speech": {}})
  clocks = ({"speech": 4.0, "training": 50.0, "export and measurement": 6.0}, {"training": 40.0})
  for job, steps, clock in zip(made, (100, 50, 0), (*clocks, {}), strict=False):
    job.workdir.mkdir()
    (job.workdir / "config.json").write_text(written)
    (job.workdir / "seconds.json").write_text(json.dumps(clock))
    if steps:
      (job.workdir / "metrics.jsonl").write_text(json.dumps({"step": steps}) + "\n")
  (made[0].workdir / "results.json").write_text("{}")
  return made


def test_updates_and_time_are_those_not_made_yet(jobs):
  assert sweep_budget.to_do(jobs) == (3, 50 + 100 + 100)
  pace = sweep_budget.pace_of(jobs)
  assert pace.update == pytest.approx((50 + 40) / 150)  # of the unfinished one, too
  assert pace.beside == pytest.approx(10.0)  # of the finished one
  # (250 x 0.6 s + 3 x 10 s) / 2
  told = sweep_budget.told(jobs, 2)
  assert "4 points, 1 of them finished; 400 updates, 250 to do" in told
  assert "0.60 s an update and 10 s a point besides" in told and "about 1 min 30 s left" in told
  assert "  a: 100 updates, seed 0" in told


def test_nothing_is_guessed_before_an_update_was_made(jobs):
  told = sweep_budget.told(jobs[2:], 1)
  assert sweep_budget.pace_of(jobs[2:]) is None
  assert "2 points, 0 of them finished; 200 updates, 200 to do" in told and " s " not in told


def test_time_left_goes_by_the_updates_since_the_first_look(monkeypatch):
  now = 1000.0
  monkeypatch.setattr(time, "monotonic", lambda: now)
  left = sweep_table.TimeLeft()
  assert left.words(300) == "300 updates left"
  now = 1060.0
  assert left.words(200) == "200 updates, about 2 min left"
  assert left.words(0) == "0 updates left"
