"""How much of a sweep is left: points, updates, and, once some have been made, time."""

import json
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from edge_rnnt.report import units
from experiments.sweep import Job
from experiments.sweep_table import progress

TRAINING = "training"  # that part of a run's seconds.json


class Pace(NamedTuple):
  """What the points in a sweep's folder have taken so far.

  Attributes:
    update: wall seconds an update, over all that were made.
    beside: wall seconds a finished point besides its updates; None before one has finished.
  """

  update: float
  beside: float | None


class Left(NamedTuple):
  """What there is still to do."""

  points: int
  updates: int


def told(jobs: Sequence[Job], at_once: int) -> str:
  """Points and updates in all and to do, by name, and the time they will take if that is known."""
  left, pace = to_do(jobs), pace_of(jobs)
  lines = [
    f"{len(jobs)} points, {len(jobs) - left.points} of them finished; "
    f"{units.exact(sum(job.steps for job in jobs))} updates, {units.exact(left.updates)} to do"
  ]
  if pace is not None:
    beside = pace.beside or 0.0
    seconds = (left.updates * pace.update + left.points * beside) / at_once
    besides = f" and {units.duration(beside)} a point besides" if pace.beside is not None else ""
    lines.append(
      f"At {pace.update:.2f} s an update{besides}, as measured here, {at_once} at a time: "
      f"about {units.duration(seconds)} left"
    )
  by_name: dict[tuple[str, int], list[str]] = {}
  for job in jobs:
    name, _, seed = job.folder.rpartition("-")
    by_name.setdefault((name, job.steps), []).append(seed)
  lines += [
    f"  {name}: {units.exact(steps)} updates, seed{'s' if len(seeds) > 1 else ''} {' '.join(seeds)}"
    for (name, steps), seeds in by_name.items()
  ]
  return "\n".join(lines)


def to_do(jobs: Sequence[Job]) -> Left:
  """Points that haven't finished, and updates that they haven't made."""
  unfinished = [job for job in jobs if not job.is_finished()]
  return Left(
    len(unfinished), sum(max(0, job.steps - progress(job.workdir)[0]) for job in unfinished)
  )


def pace_of(jobs: Sequence[Job]) -> Pace | None:
  """From the points' own clocks; None if no point has made an update."""
  seconds, updates, beside = 0.0, 0, []
  for job in jobs:
    clock = job.workdir / "seconds.json"
    parts = json.loads(clock.read_text(encoding="utf-8")) if clock.exists() else {}
    made, _ = progress(job.workdir)
    if made and parts.get(TRAINING):
      seconds, updates = seconds + parts[TRAINING], updates + made
      if job.is_finished():
        beside.append(sum(parts.values()) - parts[TRAINING])
  if not updates:
    return None
  return Pace(seconds / updates, statistics.fmean(beside) if beside else None)
