"""What a run can begin with instead of random numbers: the weights that another run kept."""

import pathlib
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
  try:
    handlers = {"state": ocp.PyTreeCheckpointHandler(), "about": ocp.JsonCheckpointHandler()}
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler(**handlers)) as checkpointer:
      saved = checkpointer.metadata(path).item_metadata["state"].tree
      wanted = {part: saved[part] for part in ("params", "ema") if saved.get(part) is not None}
      as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
      state = ocp.args.PyTreeRestore(item=wanted, restore_args=as_numpy, partial_restore=True)
      restored = checkpointer.restore(path, args=ocp.args.Composite(state=state)).state
  except Exception as error:  # whatever reading a broken file may raise
    raise CheckpointError(f"Could not read {path}: {error}") from error
  return Weights(restored["params"], restored.get("ema"))


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
