"""Rates and sparsity of a recipe, stage by stage."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.prune import transform
from experiments import optimization, recipe

STAGES = [
  recipe.stage(100, {"a": 1.0}, ctc=1.0, rate=4e-3),
  recipe.stage(40, {"a": 1.0}, transducer=1.0, rate=2e-3, final=1e-3),
  recipe.stage(50, {"a": 1.0}, transducer=1.0, rate=1e-3, final=1e-4, sparsity=0.5),
  recipe.stage(50, {"a": 1.0}, transducer=1.0, rate=1e-3, final=1e-4, sparsity=0.75),
]


@pytest.fixture(scope="module")
def config():
  config = recipe.get_config()
  config.optimizer.warmup_steps, config.pruning.ramp, config.pruning.every = 10, 0.6, 5
  return config


def test_learning_rates_meet_their_stages(config):
  rate = optimization.learning_rate(config, STAGES)
  steps = {0: 4e-4, 9: 4e-3, 99: 4e-3, 100: 2e-3, 120: 1.5e-3, 140: 1e-3, 190: 1e-3, 239: 1e-4}
  for step, expected in steps.items():
    assert float(rate(step)) == pytest.approx(expected, rel=0.02)
  assert float(rate(10_000)) == pytest.approx(1e-4)  # beyond the end nothing starts anew


def test_joint_and_prediction_wait_for_the_transducer(config):
  layer = {"layer_0": {"kernel": jnp.ones((8, 8))}}
  params = {"encoder": layer, "prediction": layer, "joint": {"kernel": jnp.ones((8, 8))}}
  optimizer = optimization.optimizer(config, STAGES)
  state, gradients = optimizer.init(params), jax.tree.map(jnp.ones_like, params)
  update = jax.jit(optimizer.update)
  sparsities = []
  for step in range(240):
    updates, state = update(gradients, state, params)
    moved = {name: float(jnp.abs(jax.tree.leaves(updates[name])[0]).max()) for name in params}
    assert moved["encoder"] > 0
    assert (moved["joint"] > 0) == (moved["prediction"] > 0) == (step >= 100)
    sparsities.append(float(transform.sparsity(state)))
  # 16 blocks of 8x1 in two kernels: 0 until the third stage, then 8 and 12 of 16 pruned, held.
  assert sparsities[139] == 0.0 and sparsities[189] == 0.5 and sparsities[239] == 0.75
  assert sparsities[171:189] == [0.5] * 18
  assert np.all(np.diff(sparsities) >= 0)
