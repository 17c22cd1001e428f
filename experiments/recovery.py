r"""Whether pruned blocks should get a second chance: three ways to recover, at 80 % sparsity.

  python -m experiments.recovery --sweep
  python -m experiments.recovery --sweep --points='.*-0'          (one seed)

Three seeds; for each a dense model is trained once, and pruned to 50 and 80 % with each recovery.
"""

from ml_collections import ConfigDict

from edge_rnnt.prune.transform import RECOVERIES
from experiments import recipe
from experiments.launch import launch
from experiments.sweep import Point, Sweep, dense_starts


def get_config() -> ConfigDict:
  """The pruning stages of the recipe."""
  config = recipe.get_config()
  config.curriculum = ("half", "eighty")
  config.schemes = ("float",)
  return config


def get_sweep() -> Sweep:
  """Every recovery from the same dense models."""
  seeds = (0, 1, 2)
  pruned = [
    Point(recovery, seed, {"pruning.recovery": recovery}, start_from="dense:dense")
    for recovery in RECOVERIES
    for seed in seeds
  ]
  return Sweep("Do pruned weights come back?", (*dense_starts(seeds), *pruned), against="none")


if __name__ == "__main__":
  launch(get_config, "experiments.recovery", get_sweep)
