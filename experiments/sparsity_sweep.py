r"""What sparsity costs, and what the shape of the blocks does to it.

  python -m experiments.sparsity_sweep --sweep
  python -m experiments.sparsity_sweep --sweep --points='.*%-0'     (one seed, 8x1 blocks only)

A dense model is trained once a seed. From it, with the same further updates: 0, 50, 70, 80 and 90 %
in blocks of 8x1 (three seeds), and 80 % in blocks of 1x8, 16x1 and single weights (one seed).
5 minutes on 2 cores for a dense model, 2 for each point that starts from it.

Measured with seed 0 alone. WER in percent [95 % interval over utterances], blocks of 8x1 first:

             dev    test, float        test, integer      bytes, integer
      0 %    19.5   13.1 [10.9, 15.5]  13.2 [11.0, 15.6]  689,701
      50 %   20.7   14.9 [12.5, 17.6]  14.9 [12.4, 17.5]  442,141
      70 %   22.1   16.2 [13.5, 19.0]  16.1 [13.5, 18.7]  313,117
      80 %   24.1   22.3 [19.0, 25.5]  22.2 [18.9, 25.4]  248,605
      90 %   35.4   26.5 [23.1, 29.8]  26.7 [23.2, 30.1]  184,085
      80 %, blocks of 1x8    23.0   18.8 [16.0, 21.9]  18.9 [16.0, 21.9]  255,221
      80 %, blocks of 16x1   27.7   23.9 [20.7, 27.3]  23.7 [20.6, 26.9]  241,437
      80 %, single weights   20.0   15.0 [12.3, 17.7]  14.7 [12.1, 17.4]  419,885

Less 0 %, float: +1.8 [+0.4, +3.4] at 50 %, +3.1 [+1.1, +5.1] at 70 %, +9.2 [+6.6, +11.5] at 80 %,
+13.3 at 90 %; at 80 % +5.7 [+3.7, +7.8] in 1x8, +10.8 in 16x1, +1.9 with single weights. One run
each: the same points on another processor, before the emission was bound, gave 14.7, 14.2, 17.6 and
28.4 % at 50 to 90 %.
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
