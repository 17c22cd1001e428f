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
  open('part', 'w').write(f'{os.getppid()} {os.getpid()}')
  os.rename('part', 'ready')
  time.sleep(60)
"""


@pytest.mark.parametrize(
  ("which", "signum"),
  [(0, signal.SIGUSR2), (1, signal.SIGTERM)],  # the time is nearly up; preempted
)
def test_a_point_told_to_stop_saves_and_goes_on(which, signum, tmp_path):
  point = script("slow", SAVES, tmp_path)
  options = {"timeout_min": 5}
  (job,) = sweep_slurm.submit([point], tmp_path / "logs", options, cluster="local").values()
  until(tmp_path / "slow" / "ready")
  parent_and_child = (tmp_path / "slow" / "ready").read_text().split()
  os.kill(int(parent_and_child[which]), signum)  # as Slurm does a while before the end
  assert job.exception() is None
  assert (tmp_path / "slow" / "saved").read_text() == "+" and point.is_finished()


SBATCH = """#!/bin/sh
cp "$1" "$(mktemp "$KEPT/XXXXXX")"
echo "Submitted batch job $(ls "$KEPT" | wc -l)"
"""


@pytest.fixture
def kept(tmp_path, monkeypatch) -> pathlib.Path:
  """The folder where a stand-in for sbatch keeps scripts; `queue` beside it is what squeue says."""
  kept, programs = tmp_path / "kept", tmp_path / "bin"
  kept.mkdir(), programs.mkdir()
  squeue = f"#!/bin/sh\ncat {tmp_path / 'queue'}\n"
  for name, text in {"sbatch": SBATCH, "srun": "#!/bin/sh\n", "squeue": squeue}.items():
    (programs / name).write_text(text)
    (programs / name).chmod(0o755)
  monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
  monkeypatch.setenv("KEPT", str(kept))
  return kept


def test_slurm_is_told_what_a_point_waits_for(tmp_path, kept):
  jobs = [script("start", "pass", tmp_path), script("next", "pass", tmp_path, "start")]
  found = sweep_slurm.submit(jobs, tmp_path / "logs", {"partition": "gpu", "mem_gb": 4})
  assert {name: job.job_id for name, job in found.items()} == {"start": "1", "next": "2"}
  first, second = sorted((each.read_text() for each in kept.iterdir()), key=len)
  for each in (first, second):
    assert "#SBATCH --partition=gpu\n" in each and "#SBATCH --mem=4GB\n" in each
  waits = {"#SBATCH --dependency=afterok:1", "#SBATCH --kill-on-invalid-dep=yes"}
  assert waits <= set(second.splitlines()) and not waits & set(first.splitlines())


def test_what_is_in_the_queue_is_not_submitted_again(tmp_path, kept):
  jobs = [script("start", "pass", tmp_path), script("next", "pass", tmp_path, "start")]

  def ids(queue: str) -> list[str]:
    (tmp_path / "queue").write_text(queue)
    return [job.job_id for job in sweep_slurm.submit(jobs, tmp_path / "logs", {}).values()]

  assert ids("") == ["1", "2"]
  assert ids("1\n2\n17\n") == ["1", "2"] and len(list(kept.iterdir())) == 2
  assert ids("1\n17\n") == ["1", "3"]  # the second had failed
  assert sum("afterok:1" in each.read_text() for each in kept.iterdir()) == 2
  assert ids("") == ["4", "5"]


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
