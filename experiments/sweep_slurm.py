"""Hands the jobs of a sweep to Slurm: points that may run together are one array (submitit).

A point that starts from another one waits for it as a Slurm dependency. When its time is nearly up,
Slurm sends SIGUSR2, and SIGTERM when it is preempted: training saves its state, and the point is
queued again and goes on from there.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import submitit
from submitit.core.utils import FailedJobError
from submitit.helpers import DelayedSubmission

from edge_rnnt import whole
from experiments.sweep import BadSweep, Job

GENERAL = (
  "name", "nodes", "timeout_min", "mem_gb", "tasks_per_node", "cpus_per_task", "gpus_per_node",
)  # fmt: skip
"""Options that submitit knows for every cluster; all others are Slurm's."""


SUBMITTED = "slurm.json"
"""In the folder of logs: which job each point was last submitted as."""

MOST_TURNS = 1000
"""How often a point may run out of time and go on: no limit in practice; submitit's own is 3."""


class PointFailed(RuntimeError):
  """A point's command ended with an error; its own words are in the log above."""


class Point:
  """A point's command, run where Slurm has put it. Pickled and sent, so it holds plain values."""

  def __init__(self, command: Sequence[str]):
    self.command = tuple(command)
    self._process: subprocess.Popen | None = None

  def __call__(self) -> None:
    # Slurm signals every process of a step. Only we heed SIGUSR2; the child inherits the neglect.
    heeded = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    self._process = subprocess.Popen(self.command)
    signal.signal(signal.SIGUSR2, heeded)
    code = self._process.wait()
    if code in (128 + signal.SIGTERM, -signal.SIGTERM) and not _is_ended_by_slurm():
      # Preempted: the run has heeded Slurm's SIGTERM itself, or had not begun. On as when time is
      # nearly up.
      signal.raise_signal(signal.SIGUSR2)
    if code:
      raise PointFailed(f"exit code {code}")

  def checkpoint(self) -> DelayedSubmission:
    """What submitit calls on SIGUSR2: lets training save its state, and asks to be run again."""
    if self._process is not None:
      # Not Popen's methods: the signal came while `wait` was in them, and they lock.
      with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it has ended already
        os.kill(self._process.pid, signal.SIGTERM)
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
    return DelayedSubmission(Point(self.command))


def _is_ended_by_slurm() -> bool:
  """Whether the job is cancelled, or in the queue again already: then it isn't ours to requeue."""
  here = submitit.JobEnvironment()
  if here.cluster != "slurm":
    return False
  squeue = ("squeue", "--noheader", f"--jobs={here.job_id}", "--format=%T")
  told = subprocess.run(squeue, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
  return told.strip() != "RUNNING"


def submit(
  jobs: Sequence[Job], logs: pathlib.Path, options: Mapping[str, Any], *, cluster: str = "slurm"
) -> dict[str, submitit.Job]:
  """Submits what isn't finished or in the queue already: folder -> what it was submitted as.

  options: of submitit's AutoExecutor; Slurm's own by their names there, partition or account, say.
  cluster: "slurm"; or "local", processes of this machine, where a point's start is waited for.
  Raises BadSweep for an option that there is not, without Slurm, or if it refuses.
  """
  submitted = _still_queued(logs) if cluster == "slurm" else {}
  groups: dict[str | None, list[Job]] = {}
  for job in jobs:  # each comes after the one that it needs
    if not job.is_finished() and job.folder not in submitted:
      groups.setdefault(job.needs, []).append(job)
  for needs, members in groups.items():
    executor = _executor(logs, options, cluster)
    if needs in submitted:
      _after(executor, submitted[needs], cluster)
    try:
      with executor.batch():
        found = [executor.submit(Point(member.command)) for member in members]
    except FailedJobError as error:
      before = ", ".join(submitted) or "nothing"
      raise BadSweep(f"--slurm: submitted before: {before}; then Slurm refused: {error}") from error
    submitted |= {member.folder: job for member, job in zip(members, found, strict=True)}
    _remember(submitted, logs)
  wanted = {job.folder for job in jobs}
  return {folder: job for folder, job in submitted.items() if folder in wanted}


def _remember(submitted: Mapping[str, submitit.Job], logs: pathlib.Path) -> None:
  ids = {folder: job.job_id for folder, job in submitted.items()}
  whole.write_text(logs / SUBMITTED, json.dumps(ids, indent=2))


def _still_queued(logs: pathlib.Path) -> dict[str, submitit.Job]:
  """What an earlier call submitted and Slurm still has: a second job would share its workdir."""
  if not (logs / SUBMITTED).exists() or shutil.which("squeue") is None:
    return {}  # without Slurm, submitting will tell
  squeue = ("squeue", "--me", "--array", "--noheader", "--format=%i")
  told = subprocess.run(squeue, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
  ids, there = json.loads((logs / SUBMITTED).read_text(encoding="utf-8")), set(told.split())
  return {
    folder: submitit.SlurmJob(logs / "slurm", job_id)
    for folder, job_id in ids.items()
    if job_id in there
  }


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
  """["partition=gpu", "nodes=2"] -> {"partition": "gpu", "nodes": 2}; BadSweep for other texts."""
  found: dict[str, Any] = {}
  for text in texts:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
      raise BadSweep(f"--slurm_options: expected NAME=VALUE,NAME=VALUE, got {text!r}")
    found[name] = int(value) if value.isdigit() else value
  return found


def _executor(
  logs: pathlib.Path, options: Mapping[str, Any], cluster: str
) -> submitit.AutoExecutor:
  named = {name if name in GENERAL else f"slurm_{name}": value for name, value in options.items()}
  try:
    turns = {"slurm_max_num_timeout": MOST_TURNS}
    executor = submitit.AutoExecutor(folder=logs / "slurm", cluster=cluster, **turns)
    executor.update_parameters(**named)
  except (NameError, TypeError) as error:
    raise BadSweep(f"--slurm_options: {error}") from error
  except RuntimeError as error:
    raise BadSweep(
      f"--slurm: {error}. Run it where sbatch is; or --jobs=N runs the points here, and "
      "--print_commands prints them"
    ) from error
  return executor


def _after(executor: submitit.AutoExecutor, first: submitit.Job, cluster: str) -> None:
  if cluster == "slurm":
    executor.update_parameters(
      slurm_dependency=f"afterok:{first.job_id}",
      # Else it would wait for ever for a point that has failed, and be there twice after a rerun.
      slurm_additional_parameters={"kill-on-invalid-dep": "yes"},
    )
  else:
    first.wait()


def log_of(job: submitit.Job) -> str:
  """Where its first process writes, seen from here."""
  return os.path.relpath(job.paths.stdout)
