"""Runs the jobs of a sweep on this machine, a few at a time, each in a process of its own.

A point that fails doesn't stop the others; run again, the sweep goes on where it was. Another way
to run jobs (a Slurm array, say) needs their commands and what each `needs`, nothing of this file.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import rich.console

from experiments.sweep import Job
from experiments.sweep_table import Board, State, Status

POLL_SECONDS = 0.5


class Stopped(SystemExit):
  """The sweep was told to stop, and its points have saved what they had."""


class _Process(NamedTuple):
  popen: subprocess.Popen
  began: float
  share: int


def run(
  jobs: Sequence[Job], at_once: int, logs: pathlib.Path, console: rich.console.Console | None = None
) -> dict[str, State]:
  """Runs what isn't finished, `at_once` jobs at a time; returns how each ended.

  Each writes to `logs`/FOLDER.log. Several at a time share out the processors, a thread each: see
  `shares`. Raises ValueError for `at_once` below 1; Stopped after SIGTERM or Ctrl-C, when the jobs
  have heeded it too.
  """
  if at_once < 1:
    raise ValueError(f"--jobs is the number of points run at once, at least 1; got {at_once}")
  logs.mkdir(parents=True, exist_ok=True)
  run_ = _Run(jobs, logs, shares(at_once))
  previous = signal.signal(signal.SIGTERM, _interrupt)
  try:
    with Board(console or rich.console.Console()) as board:
      while run_.start():
        board.show(run_.statuses())
        time.sleep(POLL_SECONDS)
        run_.note_what_ended()
      board.show(run_.statuses())
  except KeyboardInterrupt:
    run_.stop()
    raise Stopped(
      "Stopped; the points under way have saved what they had. The same command goes on from there."
    ) from None
  finally:
    signal.signal(signal.SIGTERM, previous)
  return run_.states


class _Run:
  """Jobs, their states and their processes."""

  def __init__(self, jobs: Sequence[Job], logs: pathlib.Path, shares: Sequence[frozenset[int]]):
    self._jobs, self._logs, self._shares = {job.folder: job for job in jobs}, logs, shares
    self.states = {job.folder: State.DONE if job.is_finished() else State.WAITING for job in jobs}
    self._seconds = dict.fromkeys(self._jobs, 0.0)
    self._running: dict[str, _Process] = {}

  def statuses(self) -> list[Status]:
    return [
      Status(folder, self.states[folder], job.workdir, job.steps, self._seconds[folder])
      for folder, job in self._jobs.items()
    ]

  def start(self) -> bool:
    """Starts jobs while there is room; whether any is running then."""
    for folder, job in self._jobs.items():
      if self.states[folder] is not State.WAITING:
        continue
      before = self.states[job.needs] if job.needs else State.DONE
      if before in (State.FAILED, State.BLOCKED):
        self.states[folder] = State.BLOCKED
      elif before is State.DONE and len(self._running) < len(self._shares):
        taken = {process.share for process in self._running.values()}
        share = next(each for each in range(len(self._shares)) if each not in taken)
        with on_processors(self._shares[share]):
          self._running[folder] = _Process(self._open(job), time.monotonic(), share)
        self.states[folder] = State.RUNNING
    return bool(self._running)

  def _open(self, job: Job) -> subprocess.Popen:
    with (self._logs / f"{job.folder}.log").open("ab", buffering=0) as log:
      log.write(f"\n$ {job.line}\n".encode())
      # A session of its own: Ctrl-C reaches it through us alone, and once.
      return subprocess.Popen(
        job.command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
      )

  def note_what_ended(self) -> None:
    for folder, process in list(self._running.items()):
      self._seconds[folder] = time.monotonic() - process.began
      code = process.popen.poll()
      if code is not None:
        del self._running[folder]
        self.states[folder] = State.FAILED if code else State.DONE

  def stop(self) -> None:
    """SIGTERM to all that runs: training saves its state on it."""
    for process in self._running.values():
      process.popen.terminate()
    for process in self._running.values():
      process.popen.wait()


def shares(at_once: int) -> list[frozenset[int]]:
  """Processors for each of so many jobs; with more jobs than processors they share them."""
  have = sorted(_processors())
  return [frozenset(have[i::at_once] or have[i % len(have) :][:1]) for i in range(at_once)]


@contextlib.contextmanager
def on_processors(chosen: frozenset[int]) -> Iterator[None]:
  """What is started within runs on these processors alone; elsewhere than on Linux, on any."""
  if not hasattr(os, "sched_setaffinity"):
    yield
    return
  before = os.sched_getaffinity(0)
  os.sched_setaffinity(0, chosen)
  try:
    yield
  finally:
    os.sched_setaffinity(0, before)


def _processors() -> Iterable[int]:
  """Those that this process may use."""
  if hasattr(os, "sched_getaffinity"):
    return os.sched_getaffinity(0)
  return range(os.cpu_count() or 1)


def last_words(log: pathlib.Path, most: int = 4096) -> str:
  """The last line of a log: what a failed point said of its failure."""
  with log.open("rb") as file:
    file.seek(max(0, os.fstat(file.fileno()).st_size - most))
    lines = file.read().decode(errors="replace").strip().splitlines()
  return lines[-1] if lines else ""


def _interrupt(signum: int, frame: object) -> None:
  raise KeyboardInterrupt
