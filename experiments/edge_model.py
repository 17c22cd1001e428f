r"""The paper's edge model: a sparse CIFG encoder and a sparse SRU decoder, quantized.

  python -m experiments.edge_model --sweep
  python -m experiments.edge_model --sweep --points='.*-0'            (one seed)

50 % of the encoder's blocks and 30 % of the decoder's are pruned, beside the dense LSTM that it is
to replace and a small dense LSTM of about the same bytes, trained for as many updates in all. Each
in float, hybrid and integer.
"""

from ml_collections import ConfigDict

from experiments import recipe
from experiments.launch import launch
from experiments.sweep import Point, Sweep, dense_starts

SEEDS = (0, 1, 2)
EDGE = {"model.encoder_cell": "cifg", "model.prediction_cell": "sru"}
SMALL = {
  "model.encoder_cells": 102, "model.encoder_projection": 64,
  "model.prediction_cells": 102, "model.prediction_projection": 64,
}  # fmt: skip


def get_config() -> ConfigDict:
  """One stage of pruning; the decoder gets 0.6 of the encoder's sparsity."""
  config = recipe.get_config()
  config.curriculum = ("prune",)
  config.stages.prune.sparsity = 0.5
  config.pruning.shares.prediction = 0.6
  return config


def get_sweep() -> Sweep:
  """Three dense models a seed, each trained on: the edge model pruned, the LSTMs as they are."""
  starts = (
    *dense_starts(SEEDS, name="start-lstm"),
    *dense_starts(SEEDS, SMALL, name="start-small"),
    *dense_starts(SEEDS, EDGE, name="start-edge"),
  )
  dense = {"stages.prune.sparsity": 0.0}
  models = [
    Point(name, seed, overrides, f"start-{name}:dense")
    for name, overrides in (("lstm", dense), ("small", SMALL | dense), ("edge", EDGE))
    for seed in SEEDS
  ]
  return Sweep("The edge model", (*models, *starts), against="small")


if __name__ == "__main__":
  launch(get_config, "experiments.edge_model", get_sweep)
