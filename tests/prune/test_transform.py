import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from edge_rnnt.prune import masks, schedule, transform

KERNEL = "encoder/layer_0/kernel"


def params_like(kernel) -> dict:
  return {"encoder": {"layer_0": {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.ones(2)}}}


def step(link, params, state, updates=None):
  """One update; without `updates` the parameters stay where they are."""
  updates = jax.tree.map(jnp.zeros_like, params) if updates is None else updates
  updates, state = link.update(updates, state, params)
  return optax.apply_updates(params, updates), state


def random_params(seed=0, shape=(32, 8)) -> dict:
  return params_like(jax.random.normal(jax.random.key(seed), shape))


def test_sparsity_follows_the_schedule_exactly_every_few_updates():
  rise = schedule.cubic(4, 24, 0.8)
  link = transform.gradual(rise, every=5)
  params = random_params()
  state = link.init(params)
  update = jax.jit(lambda params, state: step(link, params, state))
  last = 0.0
  for count in range(1, 32):
    params, state = update(params, state)
    if count % 5 == 0 or count == 24:  # at 24 the schedule comes to rest: no waiting for 25
      last = 1 - np.round(32 * (1 - rise(count))) / 32
    np.testing.assert_allclose(transform.sparsity(state), last, atol=1e-6, err_msg=f"{count}")
  np.testing.assert_array_equal(
    masks.expand(state.masks[KERNEL], (32, 8), (8, 1)),
    masks.keep_mask(params["encoder"]["layer_0"]["kernel"], 0.8),
  )


def test_the_model_sees_exact_zeros_and_the_state_stays_dense():
  params = random_params()
  state = transform.gradual(schedule.constant(0.5)).init(params)
  seen = transform.apply(params, state)
  kernel, dense = seen["encoder"]["layer_0"]["kernel"], params["encoder"]["layer_0"]["kernel"]
  mask = np.asarray(masks.expand(state.masks[KERNEL], (32, 8), (8, 1)))
  assert mask.sum() == 128
  np.testing.assert_array_equal(kernel, np.where(mask, dense, 0))
  assert not np.signbit(np.asarray(kernel)[~mask]).any()
  np.testing.assert_array_equal(seen["encoder"]["layer_0"]["bias"], 1.0)
  assert (np.asarray(dense) != 0).all()


@pytest.mark.parametrize("recovery", ["straight_through", "magnitude", "none"])
def test_who_gets_the_gradient_and_who_moves(recovery):
  params = random_params()
  link = transform.gradual(schedule.constant(0.5), recovery=recovery)
  optimizer = optax.chain(optax.adamw(0.1, weight_decay=0.1), link)
  state = optimizer.init(params)
  mask = np.asarray(masks.expand(transform.find(state).masks[KERNEL], (32, 8), (8, 1)))

  def loss(params):
    return jnp.sum(transform.apply(params, state)["encoder"]["layer_0"]["kernel"] * 3.0)

  gradient = jax.grad(loss)(params)
  reaches_pruned = recovery == "straight_through"
  np.testing.assert_array_equal(
    gradient["encoder"]["layer_0"]["kernel"], np.where(mask, 3.0, 3.0 * reaches_pruned)
  )
  updates, _ = optimizer.update(gradient, state, params)
  moved = np.asarray(updates["encoder"]["layer_0"]["kernel"]) != 0
  np.testing.assert_array_equal(moved, mask | reaches_pruned)


@pytest.mark.parametrize(
  ("recovery", "returns"), [("straight_through", True), ("magnitude", True), ("none", False)]
)
def test_a_block_dies_and_returns(recovery, returns):
  # Four blocks of one column; the third is the smallest and dies. Then the first shrinks below it.
  link = transform.gradual(schedule.constant(0.25), every=2, recovery=recovery)
  params = params_like(np.repeat([4.0, 3.0, 1.0, 2.0], 8)[:, None])
  state = link.init(params)
  np.testing.assert_array_equal(state.masks[KERNEL][:, 0], [True, True, False, True])

  shrink = params_like(np.repeat([-3.5, 0.0, 0.0, 0.0], 8)[:, None])
  shrink["encoder"]["layer_0"]["bias"] = jnp.zeros(2)
  params, state = step(link, params, state, shrink)
  np.testing.assert_array_equal(state.masks[KERNEL][:, 0], [True, True, False, True])  # not yet
  params, state = step(link, params, state)
  expected = [False, True, True, True] if returns else [True, True, False, True]
  np.testing.assert_array_equal(state.masks[KERNEL][:, 0], expected)

  report = transform.report(state)
  np.testing.assert_allclose(report["sparsity"], 0.25)
  assert report["blocks_flipped"] == (2 if returns else 0)
  # The first and third have been pruned at some time, one of them is back; or only the third was.
  np.testing.assert_allclose(report["blocks_back"], 0.5 if returns else 0.0)


def test_straight_through_lets_a_pruned_block_grow_back():
  link = transform.gradual(schedule.constant(0.5), every=1)
  params = params_like(np.repeat([1.0, 2.0], 8)[:, None])
  optimizer = optax.chain(optax.sgd(0.1), link)
  state = optimizer.init(params)

  def loss(params, state):
    return -jnp.sum(transform.apply(params, state)["encoder"]["layer_0"]["kernel"][:8])

  @jax.jit
  def train(params, state):
    updates, state = optimizer.update(jax.grad(loss)(params, state), state, params)
    return optax.apply_updates(params, updates), state

  for _ in range(11):
    params, state = train(params, state)
  np.testing.assert_array_equal(transform.find(state).masks[KERNEL][:, 0], [True, False])


def test_targets_by_pattern_and_their_own_schedules():
  params = {
    "encoder": {"layer_0": {"kernel": jax.random.normal(jax.random.key(0), (80, 2))}},
    "prediction": {"layer_0": {"kernel": jax.random.normal(jax.random.key(1), (80, 1))}},
    "joint": {"kernel": jnp.ones((8, 8))},
  }
  select = {"encoder/.*": 1.0, "prediction/.*": schedule.constant(0.3)}
  state = transform.gradual(schedule.constant(0.5), select=select).init(params)
  kept = {path: int(mask.sum()) for path, mask in state.masks.items()}
  assert kept == {"encoder/layer_0/kernel": 10, "prediction/layer_0/kernel": 7}

  half = {"encoder/.*": 1.0, "prediction/.*": 0.6}
  state = transform.gradual(schedule.constant(0.5), select=half).init(params)
  assert int(state.masks["prediction/layer_0/kernel"].sum()) == 7


def test_ranked_across_the_tensors_of_a_pattern():
  params = {"encoder": {f"layer_{i}": {"kernel": jnp.full((8, 4), 1.0 + i)} for i in range(2)}}
  state = transform.gradual(schedule.constant(0.5), across="pattern").init(params)
  assert not state.masks["encoder/layer_0/kernel"].any()
  assert state.masks["encoder/layer_1/kernel"].all()


def test_frozen_after_until():
  link = transform.gradual(schedule.constant(0.5), every=1, until=1)
  params = params_like(np.repeat([4.0, 1.0], 8)[:, None])
  params, state = step(link, params, link.init(params))
  _, state = step(link, params_like(np.repeat([1.0, 4.0], 8)[:, None]), state)
  np.testing.assert_array_equal(state.masks[KERNEL][:, 0], [True, False])


def test_bfloat16_parameters_under_gradient_accumulation():
  params = jax.tree.map(lambda x: x.astype(jnp.bfloat16), random_params())
  optimizer = optax.MultiSteps(
    optax.chain(optax.adam(0.1), transform.gradual(schedule.constant(0.75), every=1)), 2
  )
  state = optimizer.init(params)
  for _ in range(4):
    updates, state = optimizer.update(jax.tree.map(jnp.ones_like, params), state, params)
    params = optax.apply_updates(params, updates)
  assert int(transform.find(state).count) == 2
  seen = transform.apply(params, state)["encoder"]["layer_0"]["kernel"]
  assert seen.dtype == jnp.bfloat16
  assert int((seen != 0).sum()) == 64


def test_nothing_prunes_nothing_changes():
  params = random_params()
  state = optax.sgd(0.1).init(params)
  assert transform.apply(params, state) is params
  assert transform.report(state) == {}
  assert float(transform.sparsity(state)) == 0.0


def test_mistakes_are_refused():
  always = schedule.constant(0.5)
  with pytest.raises(ValueError, match="'decoder/kernel' \\(no match\\)"):
    transform.gradual(always, select={"decoder/kernel": 1.0}).init(random_params())
  with pytest.raises(ValueError, match="Can't prune encoder/layer_0/bias"):
    transform.gradual(always, select={".*": 1.0}).init(random_params())
  with pytest.raises(ValueError, match="regrow"):
    transform.gradual(always, recovery="regrow")
  with pytest.raises(ValueError, match="every"):
    transform.gradual(always, every=0)
  with pytest.raises(ValueError, match="median"):
    transform.gradual(always, pool="median")
  with pytest.raises(ValueError, match="at least 1, got \\(8, 0\\)"):
    transform.gradual(always, block=(8, 0))
  with pytest.raises(ValueError, match="0 or more; got -0"):
    transform.gradual(always, select={".*": -0.5})
  link = transform.gradual(always)
  state = link.init(random_params())
  with pytest.raises(ValueError, match="params"):
    link.update(random_params(), state)
  with pytest.raises(ValueError, match="no such parameters"):
    transform.apply({"encoder": jnp.ones(3)}, state)
  with pytest.raises(ValueError, match="got 2"):
    transform.find((state, state))
