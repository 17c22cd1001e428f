"""The law of all cells: unroll is step repeated, in values and gradients, and padding is unread."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from edge_rnnt.cells.cell import IDENTITY
from edge_rnnt.cells.cifg import CIFG
from edge_rnnt.cells.lstm import LSTM
from edge_rnnt.cells.sru import SRU

B, T, D, H = 3, 7, 4, 6
LENGTHS = np.array([7, 4, 0])
CELLS = [
  LSTM(cells=H, layer_norm=False),
  LSTM(cells=H),
  LSTM(cells=H, projection=5, layer_norm=False),
  LSTM(cells=H, projection=5, forget_bias=0.5),
  CIFG(cells=H, layer_norm=False),
  CIFG(cells=H, projection=5),
  SRU(cells=H, layer_norm=False),
  SRU(cells=H),
  SRU(cells=H, projection=5, layer_norm=False),
  SRU(cells=H, projection=5),
]
by_cell = pytest.mark.parametrize("cell", CELLS, ids=str)
# Compiling is nearly all of these tests' time.
quick = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


@struct.dataclass
class Warp:
  """A tap that bends every tensor it is shown, by learned amounts; the integer is not learned."""

  amounts: dict[str, jax.Array]
  power: jax.Array

  def __call__(self, name: str, x: jax.Array) -> jax.Array:
    return x + self.amounts[name] * jnp.sin(x) ** self.power

  def scope(self, name: str) -> "Warp":
    return self


def tapped_names(cell: Any) -> set[str]:
  """The names that the documentation promises."""
  names = {"input", "output", "gates", "normalized", "cell", "input_kernel"}
  if cell.projection:
    names |= {"hidden", "projection_kernel"}
  if not isinstance(cell, SRU):
    names |= {"recurrent_kernel"}
  elif cell.layer_norm:
    names |= {"mixed"}
  return names


def tap_for(cell: Any) -> Any:
  """The fullest cell of each kind is bent at every tap, the others are left alone."""
  if not (cell.projection and cell.layer_norm):
    return IDENTITY
  amounts = {name: jnp.asarray(0.1 + 0.02 * k) for k, name in enumerate(sorted(tapped_names(cell)))}
  return Warp(amounts, jnp.asarray(3))


def by_steps(cell, params, state, xs, lengths, tap):
  """One frame at a time; a state beyond its length stays as it is."""

  def body(state, frame):
    t, x = frame
    after, y = cell.step(params, state, x, tap)
    inside = (t < lengths)[:, None]
    state = jax.tree.map(lambda new, old: jnp.where(inside, new, old), after, state)
    return state, jnp.where(inside, y, 0)

  times = jnp.arange(xs.shape[1])
  state, ys = jax.lax.scan(body, state, (times, jnp.swapaxes(xs, 0, 1)))
  return state, jnp.swapaxes(ys, 0, 1)


def arguments(cell, tap, dtype=np.float64):
  """Parameters off their first values, a state that is not zero, and random frames."""
  rng = np.random.default_rng(0)

  def like(shape, around=0.0):
    return jnp.asarray(around + 0.4 * rng.standard_normal(shape.shape), dtype)

  params = jax.eval_shape(lambda: cell.init(jax.random.key(0), D))
  params = {name: like(shape, float(name == "gain")) for name, shape in params.items()}
  state = jax.tree.map(like, jax.eval_shape(lambda: cell.initial_state(B)))
  return params, state, jnp.asarray(rng.standard_normal((B, T, D)), dtype), tap


@partial(quick, static_argnums=0)
def both_ways(cell, values):
  """By unroll and by steps: (final state, outputs, the gradient of a mixture of both in all)."""
  rng = np.random.default_rng(1)
  shapes = jax.eval_shape(lambda: (cell.initial_state(B), jnp.zeros((B, T, cell.output_dim))))
  weights = jax.tree.map(lambda shape: rng.standard_normal(shape.shape), shapes)

  def result(run):
    def loss(params, state, xs, tap):
      outputs = run(params, state, xs, jnp.asarray(LENGTHS), tap)
      mixed = jax.tree.map(lambda weight, part: jnp.sum(weight * part), weights, outputs)
      return sum(jax.tree.leaves(mixed)), outputs

    gradient = jax.grad(loss, argnums=(0, 1, 2, 3), has_aux=True, allow_int=True)
    gradients, (state, ys) = gradient(*values)
    # float0, the gradient of integers, cannot leave a compiled function.
    floats = jax.tree.map(lambda g: None if g.dtype == jax.dtypes.float0 else g, gradients)
    return state, ys, floats

  return result(cell.unroll), result(partial(by_steps, cell))


def assert_close(got, want, tolerance):
  def check(got, want):
    scale = max(float(np.max(np.abs(want))), 1.0)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)

  jax.tree.map(check, got, want)


@by_cell
def test_unroll_is_step_repeated_in_values_and_gradients(cell):
  with jax.enable_x64(True):
    unrolled, stepped = both_ways(cell, arguments(cell, tap_for(cell)))
  assert_close(unrolled, stepped, 1e-11)


@by_cell
def test_nan_in_the_padding_reaches_nothing(cell):
  padding = np.arange(T)[:, None] >= LENGTHS[:, None, None]
  with jax.enable_x64(True):
    params, state, xs, tap = arguments(cell, tap_for(cell))
    clean, _ = both_ways(cell, (params, state, jnp.where(padding, 9.0, xs), tap))
    got, _ = both_ways(cell, (params, state, jnp.where(padding, jnp.nan, xs), tap))
  jax.tree.map(np.testing.assert_array_equal, got, clean)
  after, ys, (_, _, dxs, _) = got
  assert not np.any(np.where(padding, ys, 0)) and not np.any(np.where(padding, dxs, 0))
  jax.tree.map(lambda new, old: np.testing.assert_array_equal(new[2], old[2]), after, state)
  assert np.all(np.isfinite(ys)) and np.any(ys)


@pytest.mark.parametrize("cell", [CELLS[3], CELLS[4], CELLS[9]], ids=str)
def test_any_cut_gives_the_same(cell):
  params, state, xs, _ = arguments(cell, IDENTITY, np.float32)
  run = quick(cell.unroll)
  whole, want = run(params, state, xs, jnp.full((B,), T))
  now, pieces = state, []
  for piece in jnp.split(xs, [1, 4, 5], axis=1):
    now, ys = run(params, now, piece, jnp.full((B,), piece.shape[1]))
    pieces.append(ys)
  assert_close((now, jnp.concatenate(pieces, axis=1)), (whole, want), 1e-5)


@by_cell
def test_taps_see_the_tensors_that_are_promised(cell):
  seen: dict[str, list[tuple[int, ...]]] = {}

  @struct.dataclass
  class Recorder:
    def __call__(self, name: str, x: jax.Array) -> jax.Array:
      seen.setdefault(name, []).append(x.shape)
      return x

    def scope(self, name: str) -> "Recorder":
      return self

  params, state, xs, _ = arguments(cell, IDENTITY, np.float32)
  jax.eval_shape(cell.step, params, state, xs[:, 0], Recorder())
  gates, width = len(cell.gates), cell.output_dim
  shapes = {
    "input": (B, D),
    "output": (B, width),
    "gates": (B, gates, H),
    "normalized": (B, gates, H),
    "mixed": (B, H),
    "cell": (B, H),
    "hidden": (B, H),
    "input_kernel": (D, gates, H),
    "recurrent_kernel": (width, gates, H),
    "projection_kernel": (H, width),
  }
  assert seen == {name: [shapes[name]] for name in tapped_names(cell)}
  assert cell.kernel_shape(D) == params["kernel"].shape
