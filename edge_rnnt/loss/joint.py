"""The transducer loss of given encodings: the logits of all nodes never exist at once."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss import problem, tiles
from edge_rnnt.loss.emission import Window, lattice_loss
from edge_rnnt.loss.lattice import Edges
from edge_rnnt.loss.softmax import clip_gradient, edges_and_normalizer, softmax_gradient

Params = Any
# joint_fn(params, encoded [..., D], predicted [..., E]) -> logits [..., V]; broadcasts like a sum.
JointFn = Callable[[Params, Array, Array], Array]


def joint_transducer_loss(
  joint_fn: JointFn,
  params: Params,
  encoded: Float[Array, "B T D"],
  predicted: Float[Array, "B U1 E"],
  labels: Int[Array, "B U"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  fastemit: float = 0.0,
  clamp: float | None = None,
  delay_penalty: float = 0.0,
  emission_window: Window | None = None,
  zero_infinity: bool = False,
  chunk_nodes: int = 1024,
) -> Float[Array, "B"]:
  """`transducer_loss` of logits(t, u) = joint_fn(params, encoded(t), predicted(u)), chunk by chunk.

  The nodes inside the lengths are packed (see tiles.py) and visited `chunk_nodes` at a time: once
  forward, for log_z, blank and label of each node, and once backward, where their logits are made
  again. Memory is chunk_nodes * V plus a few numbers per node; padding costs nothing.

  Args:
    joint_fn: may depend on arrays through its arguments only. It runs at every node: a projection
      of a frame or a label alone belongs before it, into `encoded` and `predicted`.
    params: its parameters, any pytree of floating-point arrays.
    encoded, predicted: rows of the encoder, and of the predictor after 0 to U labels.
    chunk_nodes: rounded to whole tiles. About 1024 suits a CPU, 8192 an accelerator.

  The other arguments, the result and the errors are those of `transducer_loss`. There is a gradient
  for params, encoded and predicted.
  """
  grid = (encoded.shape[0], encoded.shape[1], predicted.shape[1])
  vocab_size = jax.eval_shape(joint_fn, params, encoded[0, 0], predicted[0, 0]).shape[-1]
  problem.check(grid, labels, frame_lengths, label_lengths, vocab_size=vocab_size, blank=blank)
  next_labels = problem.next_labels(labels, label_lengths, vocab_size)
  static = _Static(joint_fn, blank, clamp, max(1, chunk_nodes // (tiles.FRAMES * tiles.NODES)))
  edges, unit = _joint_edges(
    static, params, encoded, predicted, next_labels, frame_lengths, label_lengths
  )
  return unit + lattice_loss(
    edges,
    frame_lengths,
    label_lengths,
    fastemit=fastemit,
    delay_penalty=delay_penalty,
    emission_window=emission_window,
    zero_infinity=zero_infinity,
  )


class _Static(NamedTuple):
  joint_fn: JointFn
  blank: int
  clamp: float | None
  chunk: int  # tiles


class _Rows(NamedTuple):
  """What logits are made of, by tile; zero beyond the lengths, where padding may hold NaN."""

  encoded: Float[Array, "B R t D"]
  predicted: Float[Array, "B C u E"]
  labels: Int[Array, "B C u"]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _joint_edges(static, params, encoded, predicted, labels, frame_lengths, label_lengths):
  """As `softmax_edges`, of logits that are made chunk by chunk."""
  arguments = params, encoded, predicted, labels, frame_lengths, label_lengths
  return _forward(static, *arguments)[0]


def _forward(static, params, encoded, predicted, labels, frame_lengths, label_lengths):
  batch, frames, nodes = *encoded.shape[:2], predicted.shape[1]
  rows = _rows(encoded, predicted, labels, frame_lengths, label_lengths)
  packed = tiles.pack(frame_lengths, label_lengths)

  def visit(i, numbers):
    at = _chunk(static, packed, i)
    logits = _logits(static, params, *_gather(rows, at))
    edges, log_z = edges_and_normalizer(logits, rows.labels[at.b, at.column][:, None], static.blank)
    numbers_here = jnp.stack([*edges, log_z]).astype(numbers.dtype)
    return lax.dynamic_update_slice_in_dim(numbers, numbers_here, i * static.chunk, axis=1)

  room = -(-tiles.most(batch, frames, nodes) // static.chunk) * static.chunk
  numbers = jnp.zeros((3, room, tiles.FRAMES, tiles.NODES), _dtype(static, params, rows))
  numbers = lax.fori_loop(0, _rounds(static, packed), visit, numbers)
  index = tiles.index(packed, frames, nodes)
  edges = Edges(*(tiles.ungrid(x[index], frames, nodes) for x in numbers[:2]))
  inputs = params, encoded, predicted, labels, frame_lengths, label_lengths
  return (edges, jnp.zeros(batch, numbers.dtype)), (inputs, numbers[2])


def _backward(static, residuals, cotangent):
  (params, encoded, predicted, labels, frame_lengths, label_lengths), log_z = residuals
  edges, weight = cotangent
  d_edges = Edges(*(tiles.grid(x) for x in edges))
  rows = _rows(encoded, predicted, labels, frame_lengths, label_lengths)
  packed = tiles.pack(frame_lengths, label_lengths)

  def visit(i, gradient):
    at = _chunk(static, packed, i)
    logits, pull = jax.vjp(functools.partial(_logits, static), params, *_gather(rows, at))
    d_here = Edges(*(x.at[at].get(mode="fill", fill_value=0) for x in d_edges))
    log_z_here = lax.dynamic_slice_in_dim(log_z, i * static.chunk, static.chunk)
    labels_here = rows.labels[at.b, at.column][:, None]
    d_logits = softmax_gradient(logits, log_z_here, labels_here, static.blank, d_here)
    d_logits = clip_gradient(d_logits, static.clamp, weight[at.b][:, None, None, None])
    d_params, d_encoded, d_predicted = pull(d_logits)
    return (
      jax.tree.map(jnp.add, gradient[0], d_params),
      gradient[1].at[at.b, at.row].add(d_encoded, mode="drop"),
      gradient[2].at[at.b, at.column].add(d_predicted, mode="drop"),
    )

  start = jax.tree.map(_accumulator, (params, rows.encoded, rows.predicted))
  gradient = lax.fori_loop(0, _rounds(static, packed), visit, start)
  d_params, d_encoded, d_predicted = gradient
  d_encoded = tiles.join(d_encoded, encoded.shape[1])
  d_predicted = tiles.join(d_predicted, predicted.shape[1])
  gradient = jax.tree.map(
    lambda d, x: d.astype(x.dtype), (d_params, d_encoded, d_predicted), (params, encoded, predicted)
  )
  return *gradient, None, None, None


_joint_edges.defvjp(_forward, _backward)


def _rows(encoded, predicted, labels, frame_lengths, label_lengths) -> _Rows:
  t, u = jnp.arange(encoded.shape[1])[:, None], jnp.arange(predicted.shape[1])[:, None]
  encoded = jnp.where(t < frame_lengths[:, None, None], encoded, 0)
  predicted = jnp.where(u <= label_lengths[:, None, None], predicted, 0)
  return _Rows(
    tiles.split(encoded, tiles.FRAMES),
    tiles.split(predicted, tiles.NODES),
    tiles.split(labels[..., None], tiles.NODES)[..., 0],
  )


def _logits(
  static: _Static, params: Params, encoded: Float[Array, "K t D"], predicted: Float[Array, "K u E"]
) -> Float[Array, "K t u V"]:
  return static.joint_fn(params, encoded[:, :, None], predicted[:, None])


def _gather(rows: _Rows, at: tiles.Places) -> tuple[Float[Array, "K t D"], Float[Array, "K u E"]]:
  return rows.encoded[at.b, at.row], rows.predicted[at.b, at.column]


def _chunk(static: _Static, packed: tiles.Tiles, i: Int[Array, ""]) -> tiles.Places:
  return tiles.places(packed, i * static.chunk + jnp.arange(static.chunk))


def _rounds(static: _Static, packed: tiles.Tiles) -> Int[Array, ""]:
  return -(-packed.total // static.chunk)


def _dtype(static: _Static, params: Params, rows: _Rows) -> jnp.dtype:
  """Of log_z: float32 for bfloat16 logits."""
  logits = jax.eval_shape(static.joint_fn, params, rows.encoded[0, 0, 0], rows.predicted[0, 0, 0])
  return jnp.promote_types(logits.dtype, jnp.float32)


def _accumulator(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
  """Sums over many chunks are float32 at least."""
  return jnp.zeros(x.shape, jnp.promote_types(x.dtype, jnp.float32))
