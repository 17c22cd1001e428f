"""The LSTM against its equations in NumPy, and against Flax's."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.cells.cell import CELL_CLIP
from edge_rnnt.cells.lstm import LSTM


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def reference_step(params, c, h, x, *, layer_norm, forget_bias):
  """One frame of one utterance in float64, gate by gate, as the equations are written."""
  cells = len(c)
  gate = {}
  for k, name in enumerate("ifgo"):
    columns = slice(k * cells, (k + 1) * cells)
    z = np.concatenate([x, h]) @ params["kernel"][:, columns]
    if layer_norm:
      z = (z - np.mean(z)) / np.sqrt(np.var(z) + 1e-8) * params["gain"][columns]
    gate[name] = z + params["bias"][columns]
  i, f, o = sigmoid(gate["i"]), sigmoid(gate["f"] + forget_bias), sigmoid(gate["o"])
  c = np.clip(f * c + i * np.tanh(gate["g"]), -10, 10)
  h = o * np.tanh(c)
  return c, h @ params["projection"] if "projection" in params else h


@pytest.mark.parametrize("projection", [None, 3])
@pytest.mark.parametrize(("layer_norm", "forget_bias"), [(True, 0.0), (False, 1.5), (True, -0.5)])
def test_equals_the_equations(projection, layer_norm, forget_bias):
  rng = np.random.default_rng(0)
  cell = LSTM(cells=5, projection=projection, layer_norm=layer_norm, forget_bias=forget_bias)
  params = {
    name: rng.standard_normal(x.shape)
    for name, x in jax.eval_shape(lambda: cell.init(jax.random.key(0), 4)).items()
  }
  xs = 3 * rng.standard_normal((2, 9, 4))
  with jax.enable_x64(True):
    lengths = jnp.full((2,), 9, jnp.int32)
    arrays, state = jax.tree.map(jnp.asarray, params), cell.initial_state(2, float)
    state, ys = jax.jit(cell.unroll)(arrays, state, jnp.asarray(xs), lengths)
  for b in range(2):
    c, h = np.zeros(5), np.zeros(cell.output_dim)
    for t in range(9):
      c, h = reference_step(params, c, h, xs[b, t], layer_norm=layer_norm, forget_bias=forget_bias)
      np.testing.assert_allclose(ys[b, t], h, rtol=0, atol=1e-13)
    np.testing.assert_allclose(state.c[b], c, rtol=0, atol=1e-13)
    np.testing.assert_allclose(state.h[b], h, rtol=0, atol=1e-13)


def test_equals_the_lstm_of_flax():
  theirs = nn.RNN(nn.OptimizedLSTMCell(6), return_carry=True)
  xs = jax.random.normal(jax.random.key(0), (2, 8, 5))
  variables = theirs.init(jax.random.key(1), xs)
  (their_cell,) = variables["params"].values()
  cell = LSTM(cells=6, layer_norm=False)
  kernels = [[their_cell[side + gate]["kernel"] for gate in cell.gates] for side in "ih"]
  bias = jnp.concatenate([their_cell["h" + gate]["bias"] for gate in cell.gates])
  # Their biases start at zero, which would test nothing.
  bias += jax.random.normal(jax.random.key(2), bias.shape)
  for k, gate in enumerate(cell.gates):
    their_cell["h" + gate]["bias"] = bias[6 * k : 6 * (k + 1)]
  params = {"kernel": jnp.block(kernels), "bias": bias}
  (c, h), want = jax.jit(theirs.apply)(variables, xs)
  state, ys = jax.jit(cell.unroll)(params, cell.initial_state(2), xs, jnp.array([8, 8]))
  np.testing.assert_allclose(ys, want, rtol=0, atol=1e-6)
  np.testing.assert_allclose(state.c, c, rtol=0, atol=1e-6)
  np.testing.assert_allclose(state.h, h, rtol=0, atol=1e-6)


def test_the_cell_is_clipped():
  cell = LSTM(cells=2, layer_norm=False)
  params = {"kernel": jnp.zeros((3, 8)), "bias": jnp.full((8,), 9.0)}  # all gates open, g = 1
  xs = jnp.zeros((1, 20, 1))
  state, _ = jax.jit(cell.unroll)(params, cell.initial_state(1), xs, jnp.array([20]))
  np.testing.assert_allclose(state.c, CELL_CLIP)
  state, _ = jax.jit(cell.unroll)(params, cell.initial_state(1), xs, jnp.array([9]))
  assert 8.9 < float(state.c[0, 0]) < 9  # nine frames of almost one are not clipped


def test_first_values():
  cell = LSTM(cells=40, projection=30)
  params = cell.init(jax.random.key(0), 20)
  bias, gain = params["bias"].reshape(4, 40), params["gain"]
  np.testing.assert_array_equal(bias, np.array([[0.0], [1.0], [0.0], [0.0]]).repeat(40, axis=1))
  np.testing.assert_array_equal(gain, 1)
  bound = np.sqrt(6 / (20 + 30 + 40))  # Glorot for one gate, not for the four side by side
  assert 0.99 * bound < jnp.max(jnp.abs(params["kernel"])) <= bound
  assert jnp.max(jnp.abs(params["projection"])) <= np.sqrt(6 / (40 + 30))
  other = cell.init(jax.random.key(1), 20)
  assert jnp.mean(params["kernel"] == other["kernel"]) < 0.01


def test_refuses_sizes_below_one():
  with pytest.raises(ValueError, match="cells=0"):
    LSTM(cells=0)
  with pytest.raises(ValueError, match="projection=0"):
    LSTM(cells=4, projection=0)
