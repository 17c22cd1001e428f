"""What inference needs of a state that a run has saved, read without the run's model."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from edge_rnnt.prune.transform import PruneState
from edge_rnnt.train.state import TrainState
from edge_rnnt.train.warm_start import read_saved


def read_kept(path: pathlib.Path) -> tuple[TrainState, dict[str, Any]]:
  """The parameters, their average and the masks of a saved state; and what was saved about it.

  Of opt_state the link that prunes is there, if one does; rng and ranges are None. Raises
  CheckpointError if it can't be read.
  """
  saved, about = read_saved(path, _of_inference)
  links = []
  for masks in filter(None, saved["opt_state"]):
    pruning = about["config"]["pruning"]
    recovery = pruning["recovery"]
    block, through = tuple(pruning["block"]), recovery == "straight_through"
    links.append(PruneState(**masks, block=block, straight_through=through))
  read = {"params": saved["params"], "ema": saved["ema"], "opt_state": tuple(links)}
  return TrainState(step=about["step"], rng=None, **jax.tree.map(jnp.asarray, read)), about


def _of_inference(saved: Mapping[str, Any]) -> dict[str, Any]:
  """What there is to read of a saved state."""
  links = [
    part if isinstance(part, Mapping) and "masks" in part else None for part in saved["opt_state"]
  ]
  return {"params": saved["params"], "ema": saved.get("ema"), "opt_state": links}
