"""One point of the study (experiments/study.py), which alone is a run of three domains.

python -m experiments.study_point --config.start_from=runs/study/lstm+lstm-0:dense
"""

from ml_collections import ConfigDict

from experiments import multidomain
from experiments.launch import launch
from experiments.recipe import stage


def get_config() -> ConfigDict:
  """Stages that prune a dense model, prune from the first update, and train on a finished one."""
  config = multidomain.get_config()
  config.curriculum = ("prune",)
  stages = config.stages
  dense, prune = stages.dense, stages.prune
  full = {"transducer": dense.transducer, "ctc": dense.ctc}
  # As many updates as its rivals have had in two stages, whatever these are set to.
  updates = dense.get_ref("steps") + prune.get_ref("steps")
  stages.scratch = stage(
    0, dict(dense.sources), final=dense.final, sparsity=0.8, keep_as="scratch", **full
  )
  stages.scratch.steps = updates
  stages.tune = stage(300, dict(prune.sources), rate=3e-4, final=3e-5, keep_as="tuned", **full)
  return config


if __name__ == "__main__":
  launch(get_config, "experiments.study_point")
