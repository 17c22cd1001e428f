"""Points through submitit, on its local executor (on Slurm: experiments/cluster/try_slurm.sh)."""

import json
import os
import pathlib
import signal
import sys
import time

import pytest

from experiments import recipe, sweep_slurm
from experiments.sweep import BadSweep, Job

ENDS = 30  # seconds within which a point of these tests has done what it does


def script(folder: str, code: str, workdir: pathlib.Path, needs: str | None = None) -> Job:
  """A job that runs the code in its workdir, then writes what a finished run writes."""
  config, own = recipe.get_config(), workdir / folder
  own.mkdir(parents=True, exist_ok=True)
  settings = json.dumps(json.loads(config.to_json_best_effort()) | {"speech": {}})
  end = f"open('results.json', 'w').write('x'); open('config.json', 'w').write({settings!r})"
  whole = f"import os; os.chdir({str(own)!r}); {code}\n{end}"
  return Job(folder, own, (sys.executable, "-c", whole), config, needs)


def until(path: pathlib.Path) -> None:
  ends = time.monotonic() + ENDS
  while not path.exists():
    if time.monotonic() > ends:
      raise TimeoutError(f"{path} did not come")
    time.sleep(0.05)


def test_points_run_after_what_they_start_from_and_once(tmp_path):
  jobs = [
    script("start", "open('ran', 'a').write('+')", tmp_path),
    script("next", "assert os.path.exists('../start/results.json')", tmp_path, "start"),
    script("bad", "raise SystemExit(3)", tmp_path),
  ]
  found = sweep_slurm.submit(jobs, tmp_path / "logs", {"timeout_min": 5}, cluster="local")
  assert list(found) == ["start", "bad", "next"]  # those that need nothing are one array
  for name in ("start", "next"):
    assert found[name].exception() is None
    assert next(job for job in jobs if job.folder == name).is_finished()
  assert "exit code 3" in str(found["bad"].exception())
  again = sweep_slurm.submit(jobs, tmp_path / "logs", {"timeout_min": 5}, cluster="local")
  assert list(again) == ["bad"]
  again["bad"].wait()
  assert (tmp_path / "start" / "ran").read_text() == "+"


SAVES = """
import signal, sys, time
def save(*_):
  open('saved', 'a').write('+')
  sys.exit(143)
signal.signal(signal.SIGTERM, save)
os.kill(os.getpid(), signal.SIGUSR2)  # Slurm signals it, too: nothing happens
if not os.path.exists('saved'):
  open('part', 'w').write(str(os.getppid()))
  os.rename('part', 'ready')
  time.sleep(60)
"""


def test_when_its_time_is_up_a_point_saves_and_goes_on(tmp_path):
  point = script("slow", SAVES, tmp_path)
  options = {"timeout_min": 5}
  (job,) = sweep_slurm.submit([point], tmp_path / "logs", options, cluster="local").values()
  until(tmp_path / "slow" / "ready")
  # As Slurm does a while before the end.
  os.kill(int((tmp_path / "slow" / "ready").read_text()), signal.SIGUSR2)
  assert job.exception() is None
  assert (tmp_path / "slow" / "saved").read_text() == "+" and point.is_finished()


def test_options_are_read_and_mistakes_told(tmp_path):
  assert sweep_slurm.parse_options(["partition=gpu", "gpus_per_node=2", "mem_gb=8"]) == {
    "partition": "gpu", "gpus_per_node": 2, "mem_gb": 8,
  }  # fmt: skip
  with pytest.raises(BadSweep, match="NAME=VALUE"):
    sweep_slurm.parse_options(["gpu"])
  with pytest.raises(BadSweep, match="slurm_particion"):
    sweep_slurm.submit(
      [script("a", "pass", tmp_path)], tmp_path / "logs", {"particion": "gpu"}, cluster="local"
    )
