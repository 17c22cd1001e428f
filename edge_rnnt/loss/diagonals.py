"""Anti-diagonals of the lattice: the order in which all of its nodes can be computed.

A node depends on two neighbours of the diagonal before, so a diagonal is computed at once, and
T + U steps suffice for a lattice of T x (U + 1) nodes.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.splitlog import IMPOSSIBLE, SplitLog, plus, times
from edge_rnnt.loss.varying import varying_like


class Edges(NamedTuple):
  """One number per edge, at the node that it leaves; what lies beyond the lengths is never read."""

  blank: Float[Array, "B T U1"]  # (t, u) -> (t + 1, u)
  label: Float[Array, "B T U1"]  # (t, u) -> (t, u + 1); the last column is never read


class Diagonals(NamedTuple):
  """Edges by anti-diagonal: row n holds those that leave the nodes (n - u, u)."""

  blank: Float[Array, "N B U1"]
  label: Float[Array, "N B U1"]


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

  return Diagonals(
    weights(edges.blank, inside, blank_onward),
    weights(edges.label, inside & (u < u_end), label_onward),
  )


def sweep(
  stay: Float[Array, "N *S U1"],
  move: Float[Array, "N *S U1"],
  join: Callable[[SplitLog, SplitLog], SplitLog] = plus,
) -> tuple[SplitLog, SplitLog]:
  """alpha on the last diagonal, [*S, U1], and on each of the N before it, [N, *S, U1].

  All nodes of a diagonal lie in one row, so that the node with one label less is the left
  neighbour. Nothing flows from one utterance into the next: a last node has no label edge.
  """
  steps, *shape = stay.shape
  start = jnp.where(jnp.arange(shape[-1]) == 0, 0.0, IMPOSSIBLE).astype(stay.dtype)
  start = varying_like(jnp.broadcast_to(start, shape).ravel(), stay)
  start = SplitLog(start, varying_like(jnp.zeros_like(start), stay))

  def step(alpha, weights):
    stay, move = weights
    moved = times(alpha, move)
    moved = SplitLog(_next_place(moved.hi, IMPOSSIBLE), _next_place(moved.lo, 0.0))
    return join(times(alpha, stay), moved), alpha

  weights = stay.reshape(steps, -1), move.reshape(steps, -1)
  last, visited = lax.scan(step, start, weights)
  return (
    jax.tree.map(lambda x: x.reshape(shape), last),
    jax.tree.map(lambda x: x.reshape(stay.shape), visited),
  )


def log_likelihood(last: SplitLog) -> Float[Array, "B"]:
  """That of the last diagonal's last node; -inf where no alignment leads there."""
  hi, lo = last.hi[..., -1], last.lo[..., -1]
  return jnp.where(hi < IMPOSSIBLE / 2, -jnp.inf, hi + lo)


def next_label(x: Float[Array, "N B U1"], beyond: float) -> Float[Array, "N B U1"]:
  """x(., u + 1), and `beyond` for the last node."""
  return jnp.pad(x[..., 1:], ((0, 0), (0, 0), (0, 1)), constant_values=beyond)


def unskew(x: Float[Array, "N B U1"], frames: int) -> Float[Array, "B T U1"]:
  """From diagonals to frames: the inverse of `_skew`."""
  steps, batch, nodes = x.shape
  rows = jnp.pad(x.transpose(1, 2, 0).reshape(batch, -1), ((0, 0), (0, nodes)))
  return rows.reshape(batch, nodes, steps + 1)[..., :frames].transpose(0, 2, 1)


def _skew(x: Float[Array, "B T U1"]) -> Float[Array, "N B U1"]:
  """x(n - u, u) at row n: rows of length N + 1, read as rows of length N, shift by one each."""
  batch, frames, nodes = x.shape
  steps = frames + nodes - 1
  rows = jnp.pad(x.transpose(0, 2, 1), ((0, 0), (0, 0), (0, nodes))).reshape(batch, -1)
  return rows[:, : nodes * steps].reshape(batch, nodes, steps).transpose(2, 0, 1)


def _next_place(x: Float[Array, "K"], first: float) -> Float[Array, "K"]:
  return jnp.pad(x[:-1], (1, 0), constant_values=first)
