"""A sweep: points, each one run of a launcher with a few overrides. The same list runs anywhere.

  def get_sweep() -> sweep.Sweep:
    dense = [sweep.Point("dense", seed, {"curriculum": ("align", "hear", "dense")}) ...]
    pruned = [sweep.Point(f"{s:.0%}", seed, {"stages.prune.sparsity": s}, "dense:dense") ...]
    return sweep.Sweep("Sparsity", (*dense, *pruned))

`jobs` turns it into commands, one a point, in an order in which a point that begins with another's
weights comes after it. sweep_local.py runs them here; they can be given to any scheduler.
"""

import copy
import dataclasses
import itertools
import json
import pathlib
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from experiments import recipe, same_run


class BadSweep(ValueError):
  """A sweep that cannot be run; the message names the point."""


@dataclasses.dataclass(frozen=True)
class Point:
  """One run. Points of one name differ in nothing but their seed, and are pooled in the results.

  Attributes:
    name: what it is, in a word or two that can name a folder.
    seed: of the run; `config.seed`.
    overrides: key of the config -> value.
    start_from: "NAME:STATE": the point of that name and the same seed is run before, once for all
      that name it, and this one begins with the state that it kept (warm_start.py).
  """

  name: str
  seed: int
  overrides: Mapping[str, Any]
  start_from: str = ""

  @property
  def folder(self) -> str:
    return f"{self.name}-{self.seed}"

  @property
  def needs(self) -> str | None:
    """The folder of the point that must be finished before."""
    return f"{self.start_from.partition(':')[0]}-{self.seed}" if self.start_from else None


@dataclasses.dataclass(frozen=True)
class Sweep:
  """Points, and what they are to show.

  Attributes:
    title: of the joint page.
    points: in the order of the tables.
    against: the name whose points the others are compared with, at the same sparsity and scheme;
      "": with the first dense float model only.
  """

  title: str
  points: tuple[Point, ...]
  against: str = ""


@dataclasses.dataclass(frozen=True)
class Job:
  """A point as a command. `needs`: the folder of the job that must be finished before."""

  folder: str
  workdir: pathlib.Path
  command: tuple[str, ...]
  config: ConfigDict
  needs: str | None

  @property
  def line(self) -> str:
    return shlex.join(self.command)

  @property
  def steps(self) -> int:
    """Updates, if the speech has a source for every stage."""
    return sum(self.config.stages[name].steps for name in self.config.curriculum)

  def is_finished(self) -> bool:
    """Whether the workdir holds the results of this very config."""
    written = self.workdir / "config.json"
    if not (self.workdir / "results.json").exists() or not written.exists():
      return False
    found = json.loads(written.read_text(encoding="utf-8"))
    found.pop("speech")
    now = json.loads(self.config.to_json_best_effort())
    return not same_run.differing(found, now, self.workdir)


def dense_starts(
  seeds: Iterable[int], overrides: Mapping[str, Any] | None = None, *, name: str = "dense"
) -> tuple[Point, ...]:
  """The recipe up to its dense model, a point a seed; others start from "NAME:dense"."""
  own = {"curriculum": ("align", "hear", "dense"), "schemes": ("float",), **(overrides or {})}
  return tuple(Point(name, seed, own) for seed in seeds)


def product(axes: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
  """Overrides for every combination of the axes' values, the last axis fastest."""
  return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def zipped(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
  """Overrides for the first values of all axes, then for the second ...

  Raises ValueError for axes of different lengths.
  """
  return [dict(zip(axes, values, strict=True)) for values in zip(*axes.values(), strict=True)]


def jobs(
  sweep: Sweep,
  config: ConfigDict,
  module: str,
  workdir: pathlib.Path,
  *,
  overrides: Mapping[str, Any],
  options: Sequence[str] = (),
  only: str = "",
  fake_data: bool = False,
) -> list[Job]:
  """The points as commands, each after the one that it needs.

  config: what all points have in common, `overrides` (those of the command line) included; options:
  other flags for every command; only: pattern of folders to run, with what these need. An override
  of start_from takes the place of the points that others start from and that start from nothing.
  fake_data: the runs get --fake_data and shorten themselves, so a job's config is the short one.

  Raises BadSweep for an override that the config doesn't have, a point that isn't there, a folder
  given twice, or a pattern that matches nothing.
  """
  points = {point.folder: point for point in sweep.points}
  if overrides.get("start_from"):
    points = _begun_elsewhere(points)
  elif len(points) != len(sweep.points):
    twice = [folder for folder in points if [p.folder for p in sweep.points].count(folder) > 1]
    raise BadSweep(f"points of the same name and seed: {', '.join(twice)}")
  try:
    chosen = [folder for folder in points if re.fullmatch(only, folder)] if only else list(points)
  except re.error as error:
    raise BadSweep(f"--points={only} is no pattern: {error}") from error
  if not chosen:
    raise BadSweep(f"--points={only} matches none of {', '.join(points)}")
  ordered = dict.fromkeys(folder for each in chosen for folder in _with_needs(each, points))
  made = [_job(points[folder], config, module, workdir, overrides, options) for folder in ordered]
  if not fake_data:
    return made
  return [dataclasses.replace(job, config=recipe.shortened(job.config)) for job in made]


def _begun_elsewhere(points: Mapping[str, Point]) -> dict[str, Point]:
  """Without the starts; what would begin with them begins with the config's own start_from."""
  needed = {point.needs for point in points.values()}
  starts = {name for name, point in points.items() if name in needed and not point.needs}
  return {
    name: dataclasses.replace(point, start_from="") if point.needs in starts else point
    for name, point in points.items()
    if name not in starts
  }


def _with_needs(folder: str, points: Mapping[str, Point]) -> list[str]:
  """A point's folder after those of all that must be run before it."""
  chain = [folder]
  while (needs := points[chain[0]].needs) is not None:
    if needs not in points or needs in chain:
      what = "needs itself" if needs in chain else f"there is no point {needs!r}"
      raise BadSweep(f"{chain[0]} starts from {points[chain[0]].start_from!r}: {what}")
    chain.insert(0, needs)
  return chain


def _job(
  point: Point,
  config: ConfigDict,
  module: str,
  workdir: pathlib.Path,
  overrides: Mapping[str, Any],
  options: Sequence[str],
) -> Job:
  own = {**overrides, **point.overrides, "seed": point.seed}
  if point.start_from:
    own["start_from"] = f"{workdir / point.needs}:{point.start_from.partition(':')[2]}"
  settings = copy.deepcopy(config).lock()  # takes no new keys
  try:
    settings.update_from_flattened_dict(own)
    recipe.check(settings)
  except (KeyError, AttributeError, TypeError, ValueError) as error:
    raise BadSweep(f"{point.folder}: {error}") from error
  settings = settings.copy_and_resolve_references()  # only now: what follows an override follows it
  flags = [f"--workdir={workdir / point.folder}", f"--cache_dir={workdir / 'cache'}", *options]
  values = [f"--config.{key}={value}" for key, value in own.items()]
  command = (sys.executable, "-m", module, *flags, *values)
  return Job(point.folder, workdir / point.folder, command, settings, point.needs)
