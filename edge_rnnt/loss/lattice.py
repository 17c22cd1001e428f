"""The transducer lattice: every alignment of U labels to T frames, summed along anti-diagonals.

Node (t, u) means: t frames consumed, u labels written. A blank leads to (t + 1, u), a label to
(t, u + 1); an alignment is a path from (0, 0) to (T, U), and it meets every anti-diagonal n = t + u
exactly once. Two things follow. The nodes of a diagonal are computed at once, so T + U steps
suffice. And the posteriors of a diagonal sum to one, so they are a softmax along it: nothing is
divided by the likelihood of the whole, hence no digits are lost however long the utterance.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

# The logarithm of zero. Finite, so that the difference of two impossible nodes is a number.
IMPOSSIBLE = -1e30


class Edges(NamedTuple):
  """One number per edge, at the node that it leaves; what lies beyond the lengths is never read."""

  blank: Float[Array, "B T U1"]  # (t, u) -> (t + 1, u)
  label: Float[Array, "B T U1"]  # (t, u) -> (t, u + 1); the last column is never read


class _Diagonals(NamedTuple):
  """Edges by anti-diagonal: row n holds those that leave the nodes (n - u, u)."""

  blank: Float[Array, "N B U1"]
  label: Float[Array, "N B U1"]
  log_scale: Float[Array, "B"]  # what was taken off the weights of every path


@jax.custom_vjp
def negative_log_likelihood(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> Float[Array, "B"]:
  """-log of the summed probability of all alignments, given the edges' log-probabilities.

    alpha(0, 0) = 0
    alpha(t, u) = logaddexp(alpha(t-1, u) + blank(t-1, u), alpha(t, u-1) + label(t, u-1))
    loss = -alpha(T, U)

  (Graves 2012, eq. 16 to 18.) Its gradient is minus the posterior of each edge, see `posteriors`.
  Where no alignment is possible the loss is +inf and its gradient zero.
  """
  diagonals = _diagonals(edges, frame_lengths, label_lengths)
  last, _ = _sweep(diagonals.blank[:, None], diagonals.label[:, None])
  return _loss(last[0], diagonals.log_scale)


def posteriors(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> tuple[Float[Array, "B"], Edges]:
  """The loss, and the probability that an alignment drawn from the lattice takes each edge.

  beta(T, U) = 0
  beta(t, u) = logaddexp(stay, move)   with stay = blank(t, u) + beta(t+1, u)
                                            move = label(t, u) + beta(t, u+1)
  node(t, u) = softmax of alpha + beta over the nodes of the diagonal t + u
  blank posterior = node * sigmoid(stay - move)
  label posterior = node * sigmoid(move - stay)
  """
  blank, label, log_scale = _diagonals(edges, frame_lengths, label_lengths)
  # Seen from its end the lattice is a lattice: alpha and beta share one sweep.
  last, visited = _sweep(
    jnp.stack([blank, jnp.flip(blank, (0, 2))], axis=1),
    jnp.stack([label, _next_label(jnp.flip(label, (0, 2)))], axis=1),
  )
  loss = _loss(last[0], log_scale)
  alpha, beta_next = visited[:, 0], jnp.flip(visited[:, 1], (0, 2))
  stay, move = blank + beta_next, label + _next_label(beta_next)
  node = jax.nn.softmax(alpha + _logaddexp(stay, move), axis=-1)
  node = jnp.where(jnp.isposinf(loss)[:, None], 0.0, node)
  taken = Edges(node * jax.nn.sigmoid(stay - move), node * jax.nn.sigmoid(move - stay))
  t, u = jnp.arange(edges.blank.shape[1])[:, None], jnp.arange(edges.blank.shape[2])
  inside = (t < frame_lengths[:, None, None]) & (u <= label_lengths[:, None, None])
  return loss, Edges(*(jnp.where(inside, _by_frame(x, t.size), 0.0) for x in taken))


def _forward(edges, frame_lengths, label_lengths):
  return posteriors(edges, frame_lengths, label_lengths)


def _backward(taken: Edges, cotangent: Float[Array, "B"]):
  return Edges(*(-cotangent[:, None, None] * x for x in taken)), None, None


negative_log_likelihood.defvjp(_forward, _backward)


def _diagonals(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> _Diagonals:
  """One lattice for all lengths: from its end each walks on to (T, U) with probability 1."""
  _, frames, nodes = edges.blank.shape
  u = jnp.arange(nodes)
  t = jnp.arange(frames + nodes - 1)[:, None, None] - u
  t_end, u_end = frame_lengths[:, None], label_lengths[:, None]
  inside = (t >= 0) & (t < t_end) & (u <= u_end)
  blank_onward = (t >= t_end) & (t < frames) & (u == u_end)
  label_onward = (t == frames) & (u >= u_end) & (u < nodes - 1)

  def weights(x, inside, onward):
    x = jnp.where(inside, _by_diagonal(x), jnp.where(onward, 0.0, IMPOSSIBLE))
    return jnp.maximum(x, IMPOSSIBLE)

  blank = weights(edges.blank, inside, blank_onward)
  label = weights(edges.label, inside & (u < u_end), label_onward)
  # Take the mean probability of its edges off each diagonal: all paths lose the same, and alpha and
  # beta stay small, hence exact.
  mean = jnp.log(jnp.mean(jnp.exp(blank) + jnp.exp(label), axis=-1, keepdims=True) + 1e-30)
  return _Diagonals(blank - mean, label - mean, jnp.sum(mean, axis=(0, 2)))


def _sweep(
  stay: Float[Array, "N S B U1"], move: Float[Array, "N S B U1"]
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
    return _logaddexp(alpha + stay, moved), alpha

  weights = stay.reshape(steps, -1), move.reshape(steps, -1)
  last, visited = lax.scan(step, jnp.broadcast_to(start, shape).ravel(), weights)
  return last.reshape(shape), visited.reshape(stay.shape)


def _logaddexp(x: Float[Array, "*s"], y: Float[Array, "*s"]) -> Float[Array, "*s"]:
  """jnp.logaddexp without its care for infinities, which do not occur here."""
  return jnp.maximum(x, y) + jnp.log1p(jnp.exp(-jnp.abs(x - y)))


def _loss(last: Float[Array, "B U1"], log_scale: Float[Array, "B"]) -> Float[Array, "B"]:
  return jnp.where(last[:, -1] < IMPOSSIBLE / 2, jnp.inf, -(last[:, -1] + log_scale))


def _next_label(x: Float[Array, "N B U1"]) -> Float[Array, "N B U1"]:
  """x(., u + 1); impossible for the last node."""
  return jnp.pad(x[..., 1:], ((0, 0), (0, 0), (0, 1)), constant_values=IMPOSSIBLE)


def _by_diagonal(x: Float[Array, "B T U1"]) -> Float[Array, "N B U1"]:
  """x(n - u, u) at row n: rows of length N + 1, read as rows of length N, shift by one each."""
  batch, frames, nodes = x.shape
  steps = frames + nodes - 1
  rows = jnp.pad(x.transpose(0, 2, 1), ((0, 0), (0, 0), (0, nodes))).reshape(batch, -1)
  return rows[:, : nodes * steps].reshape(batch, nodes, steps).transpose(2, 0, 1)


def _by_frame(x: Float[Array, "N B U1"], frames: int) -> Float[Array, "B T U1"]:
  """The inverse of `_by_diagonal`."""
  steps, batch, nodes = x.shape
  rows = jnp.pad(x.transpose(1, 2, 0).reshape(batch, -1), ((0, 0), (0, nodes)))
  return rows.reshape(batch, nodes, steps + 1)[..., :frames].transpose(0, 2, 1)
