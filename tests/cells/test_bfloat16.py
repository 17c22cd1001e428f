"""Cells whose matrices are bfloat16: products are rounded, all else stays in float32."""

from functools import partial

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from edge_rnnt.cells.cifg import CIFG
from edge_rnnt.cells.lstm import LSTM

B, T, D, H, P = 3, 12, 10, 16, 8
CELLS = [LSTM(cells=H, projection=P), LSTM(cells=H, layer_norm=False), CIFG(cells=H, projection=P)]
# Else the compiler may leave out the rounding of a product that is read as float32.
rounding = partial(jax.jit, compiler_options={"xla_allow_excess_precision": False})
by_cell = pytest.mark.parametrize("cell", CELLS, ids=str)
LENGTHS = jnp.array([T, 7, 0])


def inputs(cell):
  keys = jax.random.split(jax.random.key(0), 3)
  weights = jax.random.normal(keys[2], (B, T, cell.output_dim))
  return cell.init(keys[0], D), jax.random.normal(keys[1], (B, T, D)), weights


def rounded(params):
  """Matrices as the objective rounds them; biases and gains stay."""
  return {k: v.astype(jnp.bfloat16) if v.ndim == 2 else v for k, v in params.items()}


def product(x, matrix):
  """Rounded factors, an exact sum, a rounded result."""
  exact = x.astype(ml_dtypes.bfloat16).astype(np.float64) @ matrix.astype(np.float64)
  return exact.astype(ml_dtypes.bfloat16).astype(np.float64)


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def by_the_equations(cell, params, xs):
  """h_t of an LSTM or CIFG in float64, but for its products."""
  params = {name: np.asarray(value) for name, value in params.items()}
  c, h, hs = np.zeros((B, H)), np.zeros((B, cell.output_dim)), []
  for x in np.swapaxes(xs, 0, 1):
    z = product(x, params["kernel"][:D]) + product(h, params["kernel"][D:])
    z = z.reshape(B, len(cell.gates), H)
    if cell.layer_norm:
      z = (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + 1e-8)
      z = z * params["gain"].reshape(len(cell.gates), H)
    gates = dict(zip(cell.gates, np.moveaxis(z + params["bias"].reshape(-1, H), 1, 0), strict=True))
    f = sigmoid(gates["f"])
    i = sigmoid(gates["i"]) if "i" in gates else 1 - f
    c = np.clip(f * c + i * np.tanh(gates["g"]), -10, 10)
    h = sigmoid(gates["o"]) * np.tanh(c)
    if "projection" in params:
      h = product(h, params["projection"])
    hs.append(h)
  return np.stack(hs, axis=1)


@by_cell
def test_products_alone_are_rounded(cell):
  params, xs, _ = inputs(cell)
  state, ys = rounding(cell.unroll)(rounded(params), cell.initial_state(B), xs, jnp.full(B, T))
  want = by_the_equations(cell, rounded(params), np.asarray(xs))
  # A sum in another order may round the other way, and the recurrence carries it on.
  np.testing.assert_allclose(ys, want, rtol=0, atol=4 * 2**-9 * np.abs(want).max())
  exact = jax.jit(cell.unroll)(params, cell.initial_state(B), xs, jnp.full(B, T))[1]
  assert np.abs(ys - want).mean() < 0.2 * np.abs(ys - exact).mean()
  assert {leaf.dtype for leaf in jax.tree.leaves((state, ys))} == {jnp.dtype("float32")}


@by_cell
def test_unroll_is_step_repeated_and_the_gradient_near_float32_s(cell):
  params, xs, weights = inputs(cell)

  def unrolled(params, xs):
    state, ys = cell.unroll(params, cell.initial_state(B), xs, LENGTHS)
    return jnp.sum(ys * weights), (state, ys)

  def stepped(params, xs):
    state, ys = cell.initial_state(B), []
    for t in range(T):
      after, y = cell.step(params, state, xs[:, t])
      inside = (t < LENGTHS)[:, None]
      state = jax.tree.map(
        lambda new, old, inside=inside: jnp.where(inside, new, old), after, state
      )
      ys.append(jnp.where(inside, y, 0))
    ys = jnp.stack(ys, axis=1)
    return jnp.sum(ys * weights), (state, ys)

  def gradient(loss, params):
    return jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(params, xs)

  (got, outputs), (want, expected) = (
    gradient(each, rounded(params)) for each in (unrolled, stepped)
  )
  for a, b in zip(jax.tree.leaves(outputs), jax.tree.leaves(expected), strict=True):
    np.testing.assert_allclose(a, b, rtol=0, atol=2**-7 * np.abs(b).max())
  exact, _ = gradient(unrolled, params)
  for name, value in params.items():
    assert got[0][name].dtype == rounded(params)[name].dtype
    scale = np.linalg.norm(exact[0][name].reshape(-1))
    # The unrolled gradient sums over frames in float32 and rounds once; that of the steps is
    # rounded at every frame.
    assert distance(got[0][name], exact[0][name]) < 0.03 * scale, name
    assert distance(want[0][name], exact[0][name]) < 0.06 * scale, name
    assert value.dtype == jnp.float32
  assert distance(got[1], exact[1]) < 0.03 * np.linalg.norm(exact[1].reshape(-1))


def distance(a, b) -> float:
  return float(
    np.linalg.norm(np.asarray(a, np.float32).ravel() - np.asarray(b, np.float32).ravel())
  )
