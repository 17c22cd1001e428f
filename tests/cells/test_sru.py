"""The SRU against its equations in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.cells.sru import SRU


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def normalize(x):
  return (x - np.mean(x)) / np.sqrt(np.var(x) + 1e-8)


def reference_step(params, c, x):
  """One frame of one utterance in float64, as the equations are written."""
  u, f, r, s = np.split(x @ params["kernel"], 4)
  _, bias_f, bias_r, bias_s = np.split(params["bias"], 4)
  if "gain" in params:
    gain_f, gain_r, gain_c = np.split(params["gain"], 3)
    f, r = normalize(f) * gain_f, normalize(r) * gain_r
  f, r = sigmoid(f + bias_f), sigmoid(r + bias_r)
  c = f * c + (1 - f) * u
  if "gain" in params:
    c = normalize(c) * gain_c
  c = np.clip(c, -10, 10)
  h = r * np.tanh(c) + (1 - r) * (s + bias_s)
  return c, h @ params["projection"] if "projection" in params else h


@pytest.mark.parametrize("projection", [None, 3])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_equals_the_equations(projection, layer_norm):
  rng = np.random.default_rng(0)
  cell = SRU(cells=5, projection=projection, layer_norm=layer_norm)
  params = {
    name: 3 * rng.standard_normal(x.shape)
    for name, x in jax.eval_shape(lambda: cell.init(jax.random.key(0), 4)).items()
  }
  xs = 3 * rng.standard_normal((2, 9, 4))
  with jax.enable_x64(True):
    lengths = jnp.full((2,), 9, jnp.int32)
    arrays, state = jax.tree.map(jnp.asarray, params), cell.initial_state(2, float)
    state, ys = jax.jit(cell.unroll)(arrays, state, jnp.asarray(xs), lengths)
  for b in range(2):
    c = np.zeros(5)
    for t in range(9):
      c, h = reference_step(params, c, xs[b, t])
      np.testing.assert_allclose(ys[b, t], h, rtol=0, atol=1e-12)
    np.testing.assert_allclose(state.c[b], c, rtol=0, atol=1e-12)


def test_the_state_is_clipped():
  cell = SRU(cells=1, layer_norm=False)
  # With f = 1/2 the state approaches u: 12 here, and 6 without x.
  kernel, bias = jnp.array([[6.0, 0, 0, 0], [6, 0, 0, 0]]), jnp.zeros(4)
  xs = jnp.stack([jnp.ones((20, 2)), jnp.ones((20, 2)).at[:, 0].set(0)])
  params = {"kernel": kernel, "bias": bias}
  state, _ = cell.unroll(params, cell.initial_state(2), xs, jnp.array([20, 20]))
  np.testing.assert_allclose(state.c[:, 0], [10, 6], rtol=0, atol=1e-4)


def test_the_bias_of_u_never_acts():
  cell = SRU(cells=5)
  params = cell.init(jax.random.key(0), 4)
  xs, lengths = jax.random.normal(jax.random.key(1), (2, 6, 4)), jnp.array([6, 6])

  def loss(params):
    return jnp.sum(jnp.square(cell.unroll(params, cell.initial_state(2), xs, lengths)[1]))

  u, f, r, s = jax.jit(jax.grad(loss))(params)["bias"].reshape(4, 5)
  assert not np.any(u) and np.all(f) and np.all(r) and np.all(s)
