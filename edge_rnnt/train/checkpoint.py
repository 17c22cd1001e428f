"""Checkpoints of a run: the latest, the best, and milestones kept by name. Orbax does the work.

A directory holds one folder a step, and `milestones/` one folder a name. A folder appears only when
it is whole, so a killed save leaves nothing behind but a temporary one, removed at the next start.
"""

import itertools
import json
import logging
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp

from edge_rnnt import trees
from edge_rnnt.train import processes
from edge_rnnt.train.retention import Retention

logger = logging.getLogger(__name__)


class CheckpointError(RuntimeError):
  """A checkpoint could not be written or read; the message names its folder."""


class Checkpoints:
  """Saves and restores training states below a directory; a context manager, since saves run on."""

  def __init__(
    self,
    directory: str | pathlib.Path,
    retention: Retention | None = None,
    needed: Mapping[int, int] | None = None,
  ):
    """needed: steps that stay until one beyond the given is saved, whatever the retention says."""
    self.directory = pathlib.Path(directory).resolve()
    self._rank = (retention or Retention()).rank
    self._set_aside_cut_metrics()
    handlers = {"state": ocp.StandardCheckpointHandler(), "about": ocp.JsonCheckpointHandler()}
    options = ocp.CheckpointManagerOptions(
      preservation_policy=(retention or Retention()).policy(needed or {}),
      best_fn=self._rank,  # without it no metrics are written, and a restart forgets the best
      best_mode="min",
      cleanup_tmp_directories=True,
    )
    self._manager = ocp.CheckpointManager(self.directory, options=options, item_handlers=handlers)
    self._milestones = ocp.AsyncCheckpointer(ocp.CompositeCheckpointHandler())

  def __enter__(self) -> "Checkpoints":
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def save(
    self,
    step: int,
    state: Any,
    about: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
  ) -> None:
    """Copies the state at once and writes it while training goes on; a step is saved only once.

    `about` is any JSON. Raises CheckpointError if this or the save before it can't be written.
    """
    try:
      self._manager.save(step, args=_save_args(state, about), metrics=dict(metrics or {}))
    except Exception as error:
      raise CheckpointError(self._unwritten(step, error)) from error

  def restore_latest(self, target: Any) -> tuple[Any, dict[str, Any]] | None:
    """The newest state that can be read, and what was saved about it; None if there is none.

    `target` is a state (or its shapes) of the same structure and sharding. A damaged checkpoint is
    named in the log and set aside as `damaged-<step>`, and the one before it is used.

    Raises:
      CheckpointError: a checkpoint is of another model or optimizer, or none can be read.
    """
    self.wait()  # a checkpoint that is being written looks like a damaged one
    damaged: dict[int, Exception] = {}
    for step in sorted(self._manager.all_steps(), reverse=True):
      try:
        differences = _differences(self._manager.item_metadata(step).state.tree, target)
        if not differences:
          restored = self._manager.restore(step, args=_restore_args(target))
      except Exception as error:  # whatever reading a broken file may raise
        damaged[step] = error
      if not processes.of_all(step not in damaged):
        damaged.setdefault(step, OSError("another process could not read it"))
        continue
      if differences:
        raise CheckpointError(self._other_run(step, differences))
      with processes.first_alone("checkpoints: damaged"):
        for bad, error in damaged.items():
          self._set_aside(self.directory / str(bad), error)
      self._manager.reload()
      return restored.state, restored.about
    if damaged:
      raise CheckpointError(self._unreadable(damaged))
    return None

  def restore(self, step: int, target: Any) -> Any:
    """The state of a step. Raises CheckpointError if there is none or it can't be read."""
    self.wait()
    try:
      return self._manager.restore(step, args=_restore_args(target)).state
    except Exception as error:  # whatever reading a broken file may raise
      path = self.directory / str(step)
      raise CheckpointError(f"Could not read {path}: {_first_line(error)}") from error

  def keep(self, name: str, state: Any, about: Mapping[str, Any]) -> None:
    """Saves under a name for good, replacing what had the name. Raises CheckpointError."""
    path = self._milestone(name)
    try:
      self._milestones.save(path, args=_save_args(state, about), force=True)
      # Whole before a later step is saved: a run killed in between would never keep it again.
      self._milestones.wait_until_finished()
    except Exception as error:
      raise CheckpointError(f"Could not write {path}: {error}") from error

  def restore_kept(self, name: str, target: Any) -> tuple[Any, dict[str, Any]]:
    """The milestone of that name. Raises CheckpointError if it can't be read."""
    self._milestones.wait_until_finished()
    if name not in self.kept():
      raise CheckpointError(f"No milestone {name!r} in {self.directory}; there are {self.kept()}")
    path = self._milestone(name)
    try:
      restored = self._milestones.restore(path, args=_restore_args(target))
    except Exception as error:
      raise CheckpointError(f"Could not read {path}: {error}") from error
    return restored.state, restored.about

  def kept(self) -> list[str]:
    """Names of the milestones that are whole."""
    root = self.directory / "milestones"
    names = [path.name for path in root.iterdir()] if root.is_dir() else []
    return sorted(name for name in names if "orbax-checkpoint-tmp" not in name)

  def latest_step(self) -> int | None:
    """The newest step saved, or being saved."""
    return self._manager.latest_step()

  def best_step(self) -> int | None:
    """The step with the lowest metric, after waiting for saves; None if none has it."""
    self.wait()
    step = self._manager.best_step()
    return None if step is None or self._rank(self._manager.metrics(step)) == math.inf else step

  def wait(self) -> None:
    """Returns when everything is on disk. Raises CheckpointError if something can't be written."""
    try:
      self._manager.wait_until_finished()
      self._milestones.wait_until_finished()
    except Exception as error:
      raise CheckpointError(self._unwritten(None, error)) from error

  def close(self) -> None:
    """Waits, and frees the threads."""
    self.wait()
    self._manager.close()
    self._milestones.close()

  def _milestone(self, name: str) -> pathlib.Path:
    if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
      raise ValueError(f"A milestone is named by letters, digits, '-', '_' and '.'; got {name!r}")
    return self.directory / "milestones" / name

  def _set_aside_cut_metrics(self) -> None:
    # Orbax reads all metrics at its start, and would not start over damaged ones.
    with processes.first_alone("checkpoints: cut metrics"):
      for path in self.directory.glob("*/metrics/metrics"):
        try:
          json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
          self._set_aside(path.parents[1], error)

  def _set_aside(self, path: pathlib.Path, error: Exception) -> None:
    names = (f"damaged-{path.name}{'+' * again}" for again in itertools.count())
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    logger.warning(
      "Checkpoint %s is damaged (%s): an older one is used, and it is now %s.",
      path, _first_line(error), aside,
    )  # fmt: skip
    if processes.is_first():
      path.rename(aside)

  def _other_run(self, step: int, differences: list[str]) -> str:
    return (
      f"{self.directory / str(step)} is of another model or optimizer: use another workdir, or "
      "remove this one. Differences:\n  " + "\n  ".join(differences[:8])
    )

  def _unreadable(self, damaged: Mapping[int, Exception]) -> str:
    error = _first_line(damaged[max(damaged)])
    steps = sorted(damaged)
    return f"None of the checkpoints {steps} in {self.directory} could be read. The newest: {error}"

  def _unwritten(self, step: int | None, error: Exception) -> str:
    what = "A checkpoint" if step is None else f"The checkpoint of step {step} or one before it"
    whole = sorted(int(p.name) for p in self.directory.iterdir() if p.name.isdigit())
    return f"{what} could not be written to {self.directory}: {_first_line(error)}. Whole: {whole}."


def _save_args(state: Any, about: Mapping[str, Any]) -> ocp.args.Composite:
  return ocp.args.Composite(
    state=ocp.args.StandardSave(state), about=ocp.args.JsonSave(dict(about))
  )


def _restore_args(target: Any) -> ocp.args.Composite:
  shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, target)
  return ocp.args.Composite(state=ocp.args.StandardRestore(shapes), about=ocp.args.JsonRestore())


def _differences(saved: Any, target: Any) -> list[str]:
  """What has another shape or is only on one side. Orbax's own words for it fill pages."""

  def shapes(tree: Any) -> dict[str, Any]:
    leaves = trees.flatten(tree).items()
    # Keys of random numbers are saved as the integers in them.
    return {path: leaf.shape for path, leaf in leaves if path != "rng"}

  there, here = shapes(saved), shapes(target)
  return [
    f"{path}: saved {there.get(path, 'nothing')}, expected {here.get(path, 'nothing')}"
    for path in [*here, *(there.keys() - here.keys())]
    if there.get(path) != here.get(path)
  ]


def _first_line(error: Exception) -> str:
  return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
