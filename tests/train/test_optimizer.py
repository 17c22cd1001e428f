import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from edge_rnnt.prune import schedule, transform
from edge_rnnt.train import optimizer, rates

PARAMS = {
  "encoder": {"kernel": jnp.full((4, 2), 2.0), "bias": jnp.full((2,), 2.0)},
  "joint": {"kernel": jnp.full((4, 2), 2.0)},
}
ONES = jax.tree.map(jnp.ones_like, PARAMS)


def updates_of(chain, count, gradients=ONES, params=PARAMS):
  state, update = chain.init(params), jax.jit(chain.update)
  for _ in range(count):
    updates, state = update(gradients, state, params)
  return updates


@pytest.mark.parametrize("norm", [0.1, 5.0])
def test_adamw_is_optax_adamw_behind_a_clip(norm):
  gradients = jax.tree.map(lambda x: norm * x / optax.tree.norm(ONES), ONES)
  ours = optimizer.adamw(0.3, clip_norm=1.0, b2=0.9, eps=0.1, weight_decay=0.2)
  theirs = optax.adamw(0.3, b2=0.9, eps=0.1, weight_decay=0.2, mask=optimizer.matrices)
  clipped = jax.tree.map(lambda x: x / max(norm, 1.0), gradients)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
    updates_of(ours, 3, gradients),
    updates_of(theirs, 3, clipped),
  )


def test_lamb_is_optax_lamb():
  ours = optimizer.lamb(0.3, clip_norm=1e9, weight_decay=0.2)
  theirs = optax.lamb(0.3, weight_decay=0.2, mask=optimizer.matrices)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
    updates_of(ours, 3),
    updates_of(theirs, 3),
  )


def test_factors_by_path_scale_the_whole_update():
  factors = {"joint/.*": rates.warmup(4, begin=2), "encoder/bias": 0.0}
  plain = optimizer.adamw(0.1, weight_decay=0.5)
  scaled = optimizer.adamw(0.1, weight_decay=0.5, factors=factors)
  for count, factor in [(1, 0.0), (2, 0.0), (3, 0.25), (4, 0.5), (9, 1.0)]:
    expected, got = updates_of(plain, count), updates_of(scaled, count)
    np.testing.assert_allclose(got["joint"]["kernel"], factor * expected["joint"]["kernel"])
    np.testing.assert_array_equal(got["encoder"]["bias"], 0.0)
    np.testing.assert_array_equal(got["encoder"]["kernel"], expected["encoder"]["kernel"])


def test_the_pruning_link_comes_last_and_ranks_the_updated_parameters():
  params = {"layer_0": {"kernel": jnp.array([[1.0, 1.1]])}}
  gradients = {"layer_0": {"kernel": jnp.array([[-1.0, 1.0]])}}
  link = transform.gradual(schedule.constant(0.5), block=(1, 1), select={".*": 1.0}, every=1)
  chain = optimizer.adamw(0.5, prune=link)
  state = chain.init(params)
  np.testing.assert_array_equal(transform.find(state).masks["layer_0/kernel"], [[False, True]])
  _, state = chain.update(gradients, state, params)
  np.testing.assert_array_equal(transform.find(state).masks["layer_0/kernel"], [[True, False]])


def test_a_factor_for_nothing_is_refused():
  with pytest.raises(ValueError, match="decoder"):
    optimizer.adamw(0.1, factors={"decoder/.*": 0.5}).init(PARAMS)
