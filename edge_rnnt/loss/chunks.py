"""Edges of nodes whose logits are made a chunk at a time, and once more in the backward pass."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss import windows
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.softmax import clip_gradient, edges_and_normalizer, softmax_gradient
from edge_rnnt.loss.varying import varying_like

Params = Any
# joint_fn(params, encoded [..., D], predicted [..., E]) -> logits [..., V]; broadcasts like a sum.
JointFn = Callable[[Params, Array, Array], Array]


class Tiles(NamedTuple):
  """Rectangles of nodes: tile k begins at frame t[k] and label u[k] of utterance b[k].

  Only the first `count` are visited; the others have b = B. Tiles may overlap.
  """

  b: Int[Array, "K"]
  t: Int[Array, "K"]
  u: Int[Array, "K"]
  count: Int[Array, ""]


class Visit(NamedTuple):
  """How tiles are visited; known when the program is compiled."""

  joint_fn: JointFn
  blank: int
  clamp: float | None
  frames: int  # of a tile
  nodes: int  # of a tile
  chunk: int  # tiles whose logits exist at the same time


class _Rows(NamedTuple):
  """What logits are made of, filled up so that a tile may stand out over the end."""

  encoded: Float[Array, "B T D"]
  predicted: Float[Array, "B U1 E"]
  labels: Int[Array, "B U1"]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def tile_edges(
  visit: Visit,
  params: Params,
  encoded: Float[Array, "B T D"],
  predicted: Float[Array, "B U1 E"],
  labels: Int[Array, "B U1"],
  tiles: Tiles,
) -> tuple[Edges, Float[Array, "B"]]:
  """`softmax_edges` of joint_fn(params, encoded(t), predicted(u)) for the nodes [K, t, u] of tiles.

  Of each node log_z is kept, and nothing else, for the backward pass. The rows must be finite.
  """
  return _forward(visit, params, encoded, predicted, labels, tiles)[0]


def _forward(visit, params, encoded, predicted, labels, tiles):
  rows = _rows(visit, encoded, predicted, labels)
  places = _by_chunk(visit, tiles, encoded.shape[0])
  logits = jax.eval_shape(visit.joint_fn, params, encoded[0, 0], predicted[0, 0])
  dtype = jnp.promote_types(logits.dtype, jnp.float32)

  def one_chunk(i, numbers):
    b, t, u = places[i]
    logits = _logits(visit, params, *_inputs(visit, rows, b, t, u))
    edges, log_z = edges_and_normalizer(logits, _labels(visit, rows, b, u), visit.blank)
    return lax.dynamic_update_index_in_dim(numbers, jnp.stack([*edges, log_z]), i, axis=0)

  shape = (places.shape[0], 3, visit.chunk, visit.frames, visit.nodes)
  zeros = varying_like(jnp.zeros(shape, dtype), tiles.count)
  numbers = lax.fori_loop(0, _rounds(visit, tiles), one_chunk, zeros)
  blank, label = (
    numbers[:, k].reshape(-1, visit.frames, visit.nodes)[: tiles.b.size] for k in range(2)
  )
  unit = varying_like(jnp.zeros(encoded.shape[0], dtype), tiles.count)
  return (Edges(blank, label), unit), (params, encoded, predicted, labels, tiles, numbers[:, 2])


def _backward(visit, residuals, cotangent):
  params, encoded, predicted, labels, tiles, log_z = residuals
  d_edges, weight = cotangent
  rows = _rows(visit, encoded, predicted, labels)
  places = _by_chunk(visit, tiles, encoded.shape[0])
  d_edges = Edges(*(_fill(x, log_z.shape[0] * visit.chunk).reshape(log_z.shape) for x in d_edges))

  def one_chunk(i, gradient):
    b, t, u = places[i]
    logits, pull = jax.vjp(
      functools.partial(_logits, visit), params, *_inputs(visit, rows, b, t, u)
    )
    d_here = Edges(*(x[i] for x in d_edges))
    d_logits = softmax_gradient(logits, log_z[i], _labels(visit, rows, b, u), visit.blank, d_here)
    d_logits = clip_gradient(d_logits, visit.clamp, weight[b][:, None, None, None])
    d_params, d_encoded, d_predicted = pull(d_logits)
    return (
      jax.tree.map(jnp.add, gradient[0], d_params),
      windows.add(gradient[1], b, t, d_encoded),
      windows.add(gradient[2], b, u, d_predicted),
    )

  start = (params, rows.encoded, rows.predicted)
  start = jax.tree.map(lambda x: varying_like(_accumulator(x), tiles.count), start)
  gradient = lax.fori_loop(0, _rounds(visit, tiles), one_chunk, start)
  d_params, d_encoded, d_predicted = gradient
  gradient = d_params, d_encoded[:, : encoded.shape[1]], d_predicted[:, : predicted.shape[1]]
  like = (params, encoded, predicted)
  return *jax.tree.map(lambda d, x: d.astype(x.dtype), gradient, like), None, None


tile_edges.defvjp(_forward, _backward)


def _rows(visit: Visit, encoded, predicted, labels) -> _Rows:
  after = (0, visit.nodes - 1)
  return _Rows(
    jnp.pad(encoded, ((0, 0), (0, visit.frames - 1), (0, 0))),
    jnp.pad(predicted, ((0, 0), after, (0, 0))),
    jnp.pad(labels, ((0, 0), after)),
  )


def _by_chunk(visit: Visit, tiles: Tiles, batch: int) -> Int[Array, "R 3 k"]:
  """b, t and u of the tiles of each chunk; the last is filled up with tiles of no utterance."""
  size = -(-tiles.b.size // visit.chunk) * visit.chunk
  b = jnp.where(jnp.arange(tiles.b.size) < tiles.count, tiles.b, batch)
  b = jnp.pad(b, (0, size - b.size), constant_values=batch)
  places = jnp.stack([b, _fill(tiles.t, size), _fill(tiles.u, size)])
  return places.reshape(3, -1, visit.chunk).swapaxes(0, 1)


def _fill(x: Array, size: int) -> Array:
  return jnp.pad(x, ((0, size - x.shape[0]), *((0, 0),) * (x.ndim - 1)))


def _rounds(visit: Visit, tiles: Tiles) -> Int[Array, ""]:
  return -(-tiles.count // visit.chunk)


def _inputs(visit: Visit, rows: _Rows, b, t, u):
  return (
    windows.take(rows.encoded, b, t, visit.frames),
    windows.take(rows.predicted, b, u, visit.nodes),
  )


def _labels(visit: Visit, rows: _Rows, b, u) -> Int[Array, "k 1 u"]:
  return windows.take(rows.labels, b, u, visit.nodes)[:, None]


def _logits(
  visit: Visit, params: Params, encoded: Float[Array, "k t D"], predicted: Float[Array, "k u E"]
) -> Float[Array, "k t u V"]:
  return visit.joint_fn(params, encoded[:, :, None], predicted[:, None])


def _accumulator(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
  """Sums over many chunks are float32 at least."""
  return jnp.zeros(x.shape, jnp.promote_types(x.dtype, jnp.float32))
