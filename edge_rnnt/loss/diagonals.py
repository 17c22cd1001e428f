"""Anti-diagonals of the lattice: the order in which all of its nodes can be computed.

A node depends on two neighbours of the diagonal before, so a diagonal is computed at once, and
T + U steps suffice for a lattice of T x (U + 1) nodes.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

# The logarithm of zero. Finite, so that the difference of two impossible nodes is a number.
IMPOSSIBLE = -1e30


class Edges(NamedTuple):
  """One number per edge, at the node that it leaves; what lies beyond the lengths is never read."""

  blank: Float[Array, "B T U1"]  # (t, u) -> (t + 1, u)
  label: Float[Array, "B T U1"]  # (t, u) -> (t, u + 1); the last column is never read


class Diagonals(NamedTuple):
  """Edges by anti-diagonal: row n holds those that leave the nodes (n - u, u)."""

  blank: Float[Array, "N B U1"]
  label: Float[Array, "N B U1"]
  log_scale: Float[Array, "B"]  # what was taken off the weights of every path


def by_diagonal(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> Diagonals:
  """One lattice for all lengths: from its end each walks on to (T, U) with probability 1."""
  _, frames, nodes = edges.blank.shape
  u = jnp.arange(nodes)
  t = jnp.arange(frames + nodes - 1)[:, None, None] - u
  t_end, u_end = frame_lengths[:, None], label_lengths[:, None]
  inside = (t >= 0) & (t < t_end) & (u <= u_end)
  blank_onward = (t >= t_end) & (t < frames) & (u == u_end)
  label_onward = (t == frames) & (u >= u_end) & (u < nodes - 1)

  def weights(x, inside, onward):
    x = jnp.where(inside, _skew(x), jnp.where(onward, 0.0, IMPOSSIBLE))
    return jnp.maximum(x, IMPOSSIBLE)

  blank = weights(edges.blank, inside, blank_onward)
  label = weights(edges.label, inside & (u < u_end), label_onward)
  # Take the mean probability of its edges off each diagonal: all paths lose the same, and alpha and
  # beta stay small, hence exact.
  mean = jnp.log(jnp.mean(jnp.exp(blank) + jnp.exp(label), axis=-1, keepdims=True) + 1e-30)
  return Diagonals(blank - mean, label - mean, jnp.sum(mean, axis=(0, 2)))


def logaddexp(x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
  """jnp.logaddexp without its care for infinities, which do not occur here."""
  return jnp.maximum(x, y) + jnp.log1p(jnp.exp(-jnp.abs(x - y)))


def sweep(
  stay: Float[Array, "N S B U1"],
  move: Float[Array, "N S B U1"],
  plus: Callable[[Array, Array], Array] = logaddexp,
) -> tuple[Float[Array, "S B U1"], Float[Array, "N S B U1"]]:
  """alpha on the last diagonal, and on those before it, for S lattices of the same shape.

  All nodes of a diagonal lie in one row, so that the node with one label less is the left
  neighbour. Nothing flows from one utterance into the next: a last node has no label edge.
  """
  steps, *shape = stay.shape
  start = jnp.where(jnp.arange(shape[-1]) == 0, 0.0, IMPOSSIBLE).astype(stay.dtype)

  def step(alpha, weights):
    stay, move = weights
    moved = jnp.pad((alpha + move)[:-1], (1, 0), constant_values=IMPOSSIBLE)
    return plus(alpha + stay, moved), alpha

  weights = stay.reshape(steps, -1), move.reshape(steps, -1)
  last, visited = lax.scan(step, jnp.broadcast_to(start, shape).ravel(), weights)
  return last.reshape(shape), visited.reshape(stay.shape)


def log_likelihood(last: Float[Array, "B U1"], log_scale: Float[Array, "B"]) -> Float[Array, "B"]:
  """That of the last diagonal's last node; -inf where no alignment leads there."""
  return jnp.where(last[:, -1] < IMPOSSIBLE / 2, -jnp.inf, last[:, -1] + log_scale)


def next_label(x: Float[Array, "N B U1"]) -> Float[Array, "N B U1"]:
  """x(., u + 1); impossible for the last node."""
  return jnp.pad(x[..., 1:], ((0, 0), (0, 0), (0, 1)), constant_values=IMPOSSIBLE)


def _skew(x: Float[Array, "B T U1"]) -> Float[Array, "N B U1"]:
  """x(n - u, u) at row n: rows of length N + 1, read as rows of length N, shift by one each."""
  batch, frames, nodes = x.shape
  steps = frames + nodes - 1
  rows = jnp.pad(x.transpose(0, 2, 1), ((0, 0), (0, 0), (0, nodes))).reshape(batch, -1)
  return rows[:, : nodes * steps].reshape(batch, nodes, steps).transpose(2, 0, 1)


def unskew(x: Float[Array, "N B U1"], frames: int) -> Float[Array, "B T U1"]:
  """The inverse of `_skew`."""
  steps, batch, nodes = x.shape
  rows = jnp.pad(x.transpose(1, 2, 0).reshape(batch, -1), ((0, 0), (0, nodes)))
  return rows.reshape(batch, nodes, steps + 1)[..., :frames].transpose(0, 2, 1)
