r"""What sparsity costs, and what the shape of the blocks does to it.

  python -m experiments.sparsity_sweep --sweep
  python -m experiments.sparsity_sweep --sweep --points='.*%-0'     (one seed, 8x1 blocks only)

A dense model is trained once a seed. From it, with the same further updates: 0, 50, 70, 80 and 90 %
in blocks of 8x1 (three seeds), and 80 % in blocks of 1x8, 16x1 and single weights (one seed).
5 minutes on 2 cores for a dense model, 2 for each point that starts from it.

Measured with seed 0 alone. WER in percent [95 % interval over utterances]; integer files:

      sparsity  dev    test, float        test, integer      bytes
      0 %       16.6   13.1 [10.8, 15.6]  13.3 [10.9, 15.8]  689,701
      50 %      16.4   14.7 [11.9, 17.1]  14.6 [12.0, 17.0]  442,141
      70 %      18.8   14.2 [11.6, 17.0]  14.1 [11.4, 16.8]  313,117
      80 %      22.5   17.6 [14.8, 20.3]  17.4 [14.6, 20.2]  248,597
      90 %      29.4   28.4 [24.8, 32.0]  27.8 [24.3, 31.5]  184,077
      80 % 1x8  23.8   17.5 [14.7, 20.2]  17.3 [14.5, 19.9]  255,229

Less 0 %, float: +1.5 [+0.1, +3.0] at 50 %, +1.1 [-0.4, +2.6] at 70 %, +4.4 [+2.3, +6.7] at 80 %.
Blocks of 16x1 and single weights have not been run.
"""

from ml_collections import ConfigDict

from experiments import recipe
from experiments.launch import launch
from experiments.sweep import Point, Sweep, dense_starts

SEEDS = (0, 1, 2)
SPARSITIES = (0.0, 0.5, 0.7, 0.8, 0.9)
BLOCKS = ((1, 8), (16, 1), (1, 1))
START = "dense:dense"


def get_config() -> ConfigDict:
  """One stage that raises the sparsity of a dense model from 0 to where it stays."""
  config = recipe.get_config()
  config.curriculum = ("prune",)
  config.schemes = ("float", "integer")
  return config


def get_sweep() -> Sweep:
  """Sparsities, then block shapes at 80 %."""
  sparsities = [
    Point(f"{share:.0%}", seed, {"stages.prune.sparsity": share}, START)
    for share in SPARSITIES
    for seed in SEEDS
  ]
  at_80 = {"stages.prune.sparsity": 0.8}
  blocks = [
    Point(f"80%-{rows}x{columns}", 0, at_80 | {"pruning.block": (rows, columns)}, START)
    for rows, columns in BLOCKS
  ]
  # 0 % comes first: it is the dense model that had as many updates.
  return Sweep("What sparsity costs", (*sparsities, *blocks, *dense_starts(SEEDS)))


if __name__ == "__main__":
  launch(get_config, "experiments.sparsity_sweep", get_sweep)
