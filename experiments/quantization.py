r"""What few bits cost, after training and with it, dense and at 80 % sparsity.

  python -m experiments.quantization --sweep
  python -m experiments.quantization --sweep --points='.*-0' --config.start_from=RUN:dense

A dense model is trained once a seed, or given (RUN is the workdir of any run that kept one), and
pruned to 80 %. Either is then trained on for the same 300 updates: as it is, and quantized after
("after", in every scheme), or with fake quantization in one scheme ("aware-..."), its masks frozen.
"aware-learned" learns the ranges of its 8-bit activations, the others track them.

Dev WER, and what a device file hears otherwise than the float model, are measured on the files.
"""

from ml_collections import ConfigDict

from experiments import recipe, schemes
from experiments.launch import launch
from experiments.sweep import Point, Sweep, dense_starts

SEEDS = (0, 1, 2)
SPARSITY = 0.8
QUANTIZED = tuple(schemes.RULES)


def get_config() -> ConfigDict:
  """One stage of further training, with or without fake quantization."""
  config = recipe.get_config()
  config.curriculum = ("tune",)
  config.schemes = schemes.NAMES
  config.stages.prune.sparsity = SPARSITY
  config.fidelity = True
  return config


def get_sweep() -> Sweep:
  """Every scheme, after training and aware, from dense and from pruned models."""
  pruned = {"curriculum": ("prune",), "schemes": ("float",), "fidelity": False}
  starts = [Point("pruned", seed, pruned, "dense:dense") for seed in SEEDS]
  sparse = {"pruning.start": SPARSITY}
  kinds = (("dense", {}, "dense:dense"), ("sparse", sparse, "pruned:pruned"))
  trained = {"after": {}} | {f"aware-{name}": _aware(name) for name in QUANTIZED}
  trained["aware-learned"] = _aware("integer") | {"quantization.ranges": "learned"}
  points = [
    Point(f"{kind}-{name}", seed, own | overrides, start)
    for kind, own, start in kinds
    for name, overrides in trained.items()
    for seed in SEEDS
  ]
  without = {"fidelity": False}
  return Sweep("What few bits cost", (*points, *starts, *dense_starts(SEEDS, without)))


def _aware(name: str) -> dict:
  return {"stages.tune.quantize": name, "schemes": (name,)}


if __name__ == "__main__":
  launch(get_config, "experiments.quantization", get_sweep)
