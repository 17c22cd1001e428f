"""One point of the study (experiments/study.py), which alone is a run of three domains.

python -m experiments.study_point --config.start_from=runs/study/lstm+lstm-0:dense
"""

from ml_collections import ConfigDict

from experiments import multidomain
from experiments.launch import launch
from experiments.recipe import stage


def get_config() -> ConfigDict:
  """One stage that prunes a dense model, and one that is pruned from its first update."""
  config = multidomain.get_config()
  config.curriculum = ("prune",)
  dense = config.stages.dense
  config.stages.scratch = stage(
    dense.steps + config.stages.prune.steps,
    dict(dense.sources),
    transducer=dense.transducer,
    ctc=dense.ctc,
    final=dense.final,
    sparsity=0.8,
    keep_as="scratch",
  )
  return config


if __name__ == "__main__":
  launch(get_config, "experiments.study_point")
