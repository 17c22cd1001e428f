r"""The paper's edge model: a sparse CIFG encoder and a sparse SRU decoder, quantized.

  python -m experiments.edge_model --sweep
  python -m experiments.edge_model --sweep --points='.*-0'            (one seed)

50 % of the encoder's blocks and 30 % of the decoder's are pruned, beside the dense LSTM that it is
to replace and a small dense LSTM of about the same bytes, trained for as many updates in all. Each
in float, hybrid and integer. About 8 minutes a model and seed on 2 cores with the full recipe.

Measured with a short one, seed 0 alone (`--points='.*-0' --config.stages.hear.steps=400
--config.stages.dense.steps=800 --config.stages.prune.steps=500`, 16 minutes on 2 loaded cores), so
that only the order means something. Test WER in percent [95 % interval over utterances]:

      edge   integer, 346,557 bytes  26.0 [22.2, 29.4]   hybrid 25.8   float 25.8   dev 29.4
      small  integer, 343,389 bytes  32.1 [28.8, 35.2]   hybrid 32.3   float 32.3   dev 42.3
      lstm   integer, 689,701 bytes  26.1 [23.0, 28.9]   hybrid 26.5   float 26.3   dev 33.6

edge less small, integer: -6.1 [-9.4, -2.9]; edge integer less lstm float (2,682,533 bytes): -0.3
[-3.3, +2.7], not told apart.
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
