r"""Whether pruned blocks should get a second chance: three ways to recover, at 80 % sparsity.

  python -m experiments.recovery --sweep
  python -m experiments.recovery --sweep --points='.*-0'          (one seed)

Three seeds; for each a dense model is trained once, and pruned to 50 and 80 % with each recovery.
About 45 minutes on 2 cores: 5 for a dense model, 2 to 3 for a pruned one.

Measured on the orders and digit strings of ../shared/data (201 test utterances, 1,440 words): WER
in percent, mean over the seeds, with its 95 % interval over utterances and seeds.

                        dev, 50 %  test, 50 %         dev, 80 %          test, 80 %         back
      none              17.5       15.1 [12.6, 17.8]  20.4 [17.0, 24.1]  15.6 [13.2, 18.0]  0 %
      magnitude         17.1       14.8 [12.2, 17.7]  21.8 [18.6, 25.2]  15.9 [13.4, 18.5]  0.5 %
      straight_through  18.0       14.5 [12.2, 17.0]  20.7 [16.9, 25.0]  17.1 [14.0, 20.4]  3.6 %

(back: share of all blocks ever pruned that were back at the end.) At 80 %, dev WER less that of
none: magnitude +1.4 [-0.7, +3.9], straight_through +0.3 [-4.2, +5.2]; test: +0.2 [-1.4, +2.0] and
+1.5 [-1.1, +4.0]. No two are told apart, on dev or test, at 50 or 80 %; three seeds and sets of
this size see nothing smaller than about 2 to 5 points.
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
