"""Schedules and block masks of TensorFlow's model optimization toolkit, for test_parity.py.

  python tests/prune/goldens/tfmot.py > tests/prune/goldens/tfmot.json

Needs tensorflow-cpu 2.21.0, tf-keras 2.21.0 and tensorflow-model-optimization 0.8.1 (the extra
`parity`), in an environment of their own. Masks are of weights drawn by NumPy from the seed given.
"""

import importlib.metadata
import itertools
import json
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from tensorflow_model_optimization.python.core.sparsity.keras import (
  pruning_impl,
  pruning_schedule,
)

BLOCKS = ((1, 1), (8, 1), (1, 8), (16, 1), (1, 16))
SHAPES = ((32, 48), (48, 32))
SPARSITIES = (0.3, 0.8)
RISES = ((0, 100, 0.0, 0.5), (10, 60, 0.25, 0.9), (300, 500, 0.5, 0.8))


def schedule(begin: int, end: int, initial: float, final: float) -> dict:
  """Sparsity at the steps from begin to end; the toolkit says nothing of those outside."""
  rise = pruning_schedule.PolynomialDecay(initial, final, begin, end, power=3, frequency=1)
  steps = list(range(begin, end + 1, (end - begin) // 10))
  found = [float(rise(tf.constant(step))[1]) for step in steps]
  return {"rise": [begin, end, initial, final], "steps": steps, "sparsity": found}


def mask(seed: int, shape: tuple, sparsity: float, block: tuple, pool: str) -> dict:
  """The mask that it makes of random weights, as the rows' bits."""
  weights = tf.Variable(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))
  pruning = pruning_impl.Pruning(
    training_step_fn=lambda: tf.constant(0),
    pruning_vars=[],
    pruning_schedule=pruning_schedule.ConstantSparsity(sparsity, 0, frequency=1),
    block_size=block,
    block_pooling_type=pool,
  )
  _, found = pruning._maybe_update_block_mask(weights)
  rows = np.packbits(np.asarray(found) != 0, axis=1)
  return {
    "seed": seed, "shape": shape, "sparsity": sparsity, "block": block, "pool": pool,
    "rows": [row.tobytes().hex() for row in rows],
  }  # fmt: skip


def main() -> None:
  cases = itertools.product(SHAPES, SPARSITIES, BLOCKS, ("AVG", "MAX"))
  names = ("tensorflow-model-optimization", "tensorflow-cpu", "tf-keras", "numpy")
  print(
    json.dumps(
      {
        "versions": {name: importlib.metadata.version(name) for name in names},
        "schedules": [schedule(*rise) for rise in RISES],
        "masks": [
          mask(seed, shape, sparsity, block, pool)
          for seed, (shape, sparsity, block, pool) in enumerate(cases)
        ],
      },
    )
  )


if __name__ == "__main__":
  main()
