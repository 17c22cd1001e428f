r"""What few bits cost, after training and with it, dense and at 80 % sparsity.

  python -m experiments.quantization --sweep
  python -m experiments.quantization --sweep --points='.*-0' --config.start_from=RUN:dense

A dense model is trained once a seed, or given (RUN is the workdir of any run that kept one), and
pruned to 80 %. Either is then trained on for the same 300 updates: as it is, and quantized after
("after", in every scheme), or with fake quantization in one scheme ("aware-..."), its masks frozen.
"aware-learned" learns the ranges of its 8-bit activations, the others track them.

Dev WER, and what a device file hears otherwise than the float model, are measured on the files.

Measured with seed 0 alone, from a dense model of 22.3 % dev WER, with short stages
(`--config.stages.tune.steps=200 --config.stages.prune.steps=400`; 3 to 5 minutes a point on 2
loaded cores). WER in percent, test with its 95 % interval; unlike: share of dev utterances heard
otherwise than by the float file, and than by the JAX model in the same numbers; least SQNR of the
reference engine's encoder against that model:

      dense                 bytes      dev   test               unlike       SQNR
      float                 2,682,533  21.5  15.1 [12.6, 17.6]    -    0.0 %  131 dB
      hybrid                  716,449  21.1  14.6 [12.1, 17.0]   2.2 % 1.1 %  45.6
      hybrid-tensor           693,501  21.2  14.9 [12.5, 17.4]   5.4 % 1.6 %  45.5
      hybrid-int4             403,501  22.3  15.7 [13.2, 18.1]  23.7 % 1.1 %  45.6
      hybrid-int4, aware      403,501  21.7  14.8 [12.4, 17.4]    -    1.6 %  45.6
      integer                 691,149  21.3  14.9 [12.4, 17.5]   4.8 % 3.8 %  36.8
      integer, aware          691,149  21.1  15.1 [12.6, 17.6]    -    4.8 %  37.2

No test WER is told apart from float's. 8 bits cost nothing that this set can see, after training
or with it; training with 4 bits took back most of the 0.8 points that they cost on dev.
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
