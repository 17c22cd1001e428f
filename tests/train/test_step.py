import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from edge_rnnt.prune import transform
from edge_rnnt.train.mesh import Layout
from edge_rnnt.train.objective import Objective
from edge_rnnt.train.state import create, inference_params
from edge_rnnt.train.step import make_update


def test_a_step_is_the_update_written_out(line):
  """Forward with pruned weights, gradient straight through, chain, average; against plain NumPy."""
  state, batches = line.state(), line.batches(0)
  for _ in range(12):  # into the rise of sparsity
    state, _ = line.first(state, *next(batches).arrays)
  batch = next(batches)
  before = jax.tree.map(jnp.copy, state)
  kernel = np.asarray(before.params["model"]["layer_0"]["kernel"])
  masked = np.asarray(
    transform.apply(before.params, before.opt_state)["model"]["layer_0"]["kernel"]
  )
  assert (masked == 0).any()

  x, y = batch.features[:, 0], batch.labels[:, 0]
  error = (x @ masked).sum(-1) - y
  gradient = np.repeat(2 * x.T @ error[:, None] / len(y), 4, axis=1)
  updates, opt_state = line.optimizer.update(
    {"model": {"layer_0": {"kernel": jnp.asarray(gradient)}}}, before.opt_state, before.params
  )
  after, metrics = line.first(state, *batch.arrays)

  expected = kernel + np.asarray(updates["model"]["layer_0"]["kernel"])
  np.testing.assert_allclose(after.params["model"]["layer_0"]["kernel"], expected, rtol=1e-4)
  average = before.ema["model"]["layer_0"]["kernel"] * 0.9 + 0.1 * expected
  np.testing.assert_allclose(after.ema["model"]["layer_0"]["kernel"], average, rtol=1e-4)
  np.testing.assert_allclose(metrics["loss"], np.mean(error**2), rtol=1e-4)
  np.testing.assert_allclose(metrics["grad_norm"], np.linalg.norm(gradient), rtol=1e-4)
  assert float(metrics["sparsity"]) == float(transform.sparsity(opt_state))
  assert bool(metrics["finite"])
  assert int(after.step) == 13
  mask = (
    np.asarray(transform.apply(after.params, after.opt_state)["model"]["layer_0"]["kernel"]) != 0
  )
  np.testing.assert_allclose(
    inference_params(after)["model"]["layer_0"]["kernel"], np.where(mask, average, 0), rtol=1e-4
  )


def test_compiled_once_and_the_state_given_away(line):
  # Weakly typed parameters, as jnp.full makes of a number, must not cost a second compilation.
  step, layout = line.make_step(2.0), Layout()
  state = layout.place(line.state())
  given = state.params["model"]["layer_0"]["kernel"]
  for _, batch in zip(range(3), line.batches(0), strict=False):
    state, _ = step(state, *layout.split_rows(batch.arrays))
  assert step._cache_size() == 1
  assert given.is_deleted()


def test_a_nan_is_told(line):
  _, metrics = line.first(line.state(), *next(line.batches(0, spoiled=0)).arrays)
  assert not bool(metrics["finite"])


def test_the_learning_rate_is_that_of_the_update(line):
  def shares(params, counts, x):
    return jnp.sum(params["model"]["layer_0"]["kernel"] * x[0]), {"loss": jnp.sum(x)}

  step = make_update(
    Objective(lambda x: {}, shares),
    optax.sgd(0.1),
    learning_rate=lambda count: 10.0 + count,
  )
  state = create(line.state().params, optax.sgd(0.1), jax.random.key(0))
  for count in range(3):
    state, metrics = step(state, jnp.ones(1))
    assert float(metrics["learning_rate"]) == 10.0 + count


def test_an_average_that_never_moves_is_refused(line):
  with pytest.raises(ValueError, match="ema_decay"):
    make_update(Objective(dict, dict), line.optimizer, ema_decay=1.0)
