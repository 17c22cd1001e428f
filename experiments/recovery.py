r"""Whether pruned blocks should get a second chance: three ways to recover, at 80 % sparsity.

python -m experiments.recovery --sweep --workdir=runs/recovery
"""

from ml_collections import ConfigDict

from experiments import recipe
from experiments.launch import launch


def get_config() -> ConfigDict:
  """The pruning stages of the recipe."""
  config = recipe.get_config()
  config.curriculum = ("half", "eighty")
  config.schemes = ("float",)
  return config


if __name__ == "__main__":
  launch(get_config, "experiments.recovery")
