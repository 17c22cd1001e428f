"""What a run can begin with instead of random numbers: the weights that another run kept."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from edge_rnnt import trees
from edge_rnnt.train.checkpoint import CheckpointError


class Weights(NamedTuple):
  """params: the dense parameters; ema: their moving average, or None if that run had none."""

  params: Any
  ema: Any


def read_weights(checkpoints: pathlib.Path, name: str) -> Weights:
  """The parameters of the milestone `name` below a `checkpoints` folder, as NumPy arrays.

  Whatever optimizer and masks were kept beside them stay unread, so they may be of any kind. Raises
  CheckpointError if there is no such milestone or it can't be read.
  """
  path = checkpoints.resolve() / "milestones" / name
  if not path.is_dir():
    there = sorted(each.name for each in (checkpoints / "milestones").glob("*"))
    raise CheckpointError(f"No milestone {name!r} in {checkpoints}; there are {there}")
  state, _ = read_saved(path, lambda saved: {part: saved.get(part) for part in Weights._fields})
  return Weights(state["params"], state["ema"])


def read_saved(
  path: pathlib.Path, choose: Callable[[dict[str, Any]], Any]
) -> tuple[Any, dict[str, Any]]:
  """Parts of a saved state as NumPy arrays, without the model; and what was saved about it.

  choose: from the tree that was saved to the part of it to read. Raises CheckpointError if it can't
  be read.
  """
  handlers = {"state": ocp.PyTreeCheckpointHandler(), "about": ocp.JsonCheckpointHandler()}
  try:
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler(**handlers)) as checkpointer:
      wanted = choose(checkpointer.metadata(path).item_metadata["state"].tree)
      as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
      state = ocp.args.PyTreeRestore(item=wanted, restore_args=as_numpy, partial_restore=True)
      args = ocp.args.Composite(state=state, about=ocp.args.JsonRestore())
      restored = checkpointer.restore(path, args=args)
  except Exception as error:  # whatever reading a broken file may raise
    raise CheckpointError(f"Could not read {path}: {error}") from error
  return restored.state, restored.about


def check_same_shapes(weights: Any, expected: Any) -> None:
  """Raises ValueError that lists the parameters which only one has, or in another shape."""
  there, here = (
    {path: tuple(leaf.shape) for path, leaf in trees.flatten(tree).items()}
    for tree in (weights, expected)
  )
  differences = [
    f"{path}: kept {there.get(path, 'nothing')}, expected {here.get(path, 'nothing')}"
    for path in [*here, *(there.keys() - here.keys())]
    if there.get(path) != here.get(path)
  ]
  if differences:
    raise ValueError("the weights are of another model:\n  " + "\n  ".join(differences[:8]))
