r"""One dense model, trained once from a config: what pruned and quantized ones are held against.

  python -m experiments.baseline --workdir=runs/baseline
  python -m experiments.baseline --workdir=runs/cifg --config.model.encoder_cell=cifg
  python -m experiments.baseline --workdir=runs/seed1 --config.seed=1 \
      --config.model.encoder_cell=sru --config.model.prediction_cell=sru

The recipe of the quickstart without its pruning stages; the same page, with one row.
"""

from ml_collections import ConfigDict

from experiments import recipe
from experiments.launch import launch


def get_config() -> ConfigDict:
  """The recipe up to the dense model, exported as it is."""
  config = recipe.get_config()
  config.curriculum = ("align", "hear", "dense")
  config.schemes = ("float",)
  return config


if __name__ == "__main__":
  launch(get_config, "experiments.baseline")
