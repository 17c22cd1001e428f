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


def test_a_decay_may_be_exponential_and_begin_late(config):
  config = config.copy_and_resolve_references()
  config.optimizer.update(decay="exponential", hold=0.5)
  rate = optimization.learning_rate(config, STAGES)
  # The second stage: 2e-3 for 20 updates, then down to half of it in 20 more.
  for step, expected in {100: 2e-3, 119: 2e-3, 130: 2e-3 * 0.5**0.5, 139: 2e-3 * 0.5**0.95}.items():
    assert float(rate(step)) == pytest.approx(expected, rel=1e-4)
  config.optimizer.decay = "linear"
  with pytest.raises(ValueError, match=r"linear.*cosine.*exponential"):
    optimization.learning_rate(config, STAGES)


def test_the_transformer_s_schedule_starts_anew_with_a_stage(config):
  config = config.copy_and_resolve_references()
  config.optimizer.decay = "inverse_square_root"  # warm-up: 10 updates
  rate = optimization.learning_rate(config, STAGES)
  # The first stage's final is its rate: it stays. The second begins at update 100; its final is
  # half of its rate, reached where n = 40. The third's is a tenth, which 50 updates don't reach.
  expected = {4: 2e-3, 99: 4e-3, 100: 2e-3, 109: 2e-3, 119: 2e-3 * 0.5**0.5, 139: 1e-3}
  expected |= {140: 1e-3, 189: 1e-3 * 0.2**0.5}
  for step, value in expected.items():
    assert float(rate(step)) == pytest.approx(value, rel=1e-5), step


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


def test_each_part_has_its_share_of_the_sparsity(config):
  config = config.copy_and_resolve_references()
  config.pruning.shares.prediction = 0.5
  layer = {"layer_0": {"kernel": jax.random.normal(jax.random.key(0), (16, 8))}}
  params = {"encoder": layer, "prediction": layer}
  link = optimization.pruning(config.pruning, [recipe.stage(10, {"a": 1.0}, sparsity=0.75)])
  state = link.init(params)
  for _ in range(10):
    _, state = link.update(jax.tree.map(jnp.zeros_like, params), state, params)
  kept = {path: int(np.sum(mask)) for path, mask in state.masks.items()}
  assert kept == {"encoder/layer_0/kernel": 4, "prediction/layer_0/kernel": 10}  # of 16 blocks


def test_equal_shares_are_one_pattern_so_that_they_can_be_ranked_together():
  assert len(optimization.targets({"encoder": 1.0, "prediction": 1.0}, 0.8)) == 1
  assert len(optimization.targets({"encoder": 1.0, "prediction": 0.6}, 0.8)) == 2


@pytest.mark.parametrize("share", [-0.1, 1.3])
def test_a_share_beyond_all_weights_is_refused(share):
  with pytest.raises(ValueError, match=r"shares\.encoder"):
    optimization.targets({"encoder": share}, 0.8)
