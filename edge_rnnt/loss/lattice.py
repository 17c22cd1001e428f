"""The transducer lattice: the likelihood of all alignments, and how often they take each edge.

Node (t, u) means: t frames consumed, u labels written. A blank leads to (t + 1, u), a label to
(t, u + 1); an alignment is a path from (0, 0) to (T, U). It meets every anti-diagonal n = t + u
exactly once, so the posteriors of a diagonal's nodes sum to one and are a softmax along it: nothing
is divided by the likelihood of the whole, and no digits are lost however long the utterance.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.diagonals import (
  Edges,
  by_diagonal,
  log_likelihood,
  next_label,
  sweep,
  unskew,
)
from edge_rnnt.loss.splitlog import IMPOSSIBLE, SplitLog, difference, plus, times


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
  blank, label = by_diagonal(edges, frame_lengths, label_lengths)
  last, _ = sweep(blank, label)
  return -log_likelihood(last)


@jax.custom_vjp
def posteriors(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> tuple[Float[Array, "B"], Edges]:
  """The loss, and the probability that an alignment drawn from the lattice takes each edge.

    beta(T, U) = 0
    stay(t, u) = blank(t, u) + beta(t+1, u);  move(t, u) = label(t, u) + beta(t, u+1)
    beta(t, u) = logaddexp(stay, move)
    node(t, u) = softmax of alpha + beta over the nodes of the diagonal t + u
    blank posterior = node * sigmoid(stay - move)
    label posterior = node * sigmoid(move - stay)

  The loss has the gradient of `negative_log_likelihood`; the posteriors count as constants.
  """
  blank, label = by_diagonal(edges, frame_lengths, label_lengths)
  # Seen from its end the lattice is a lattice: alpha and beta share one sweep.
  last, visited = sweep(
    jnp.stack([blank, jnp.flip(blank, (0, 2))], axis=1),
    jnp.stack([label, next_label(jnp.flip(label, (0, 2)), IMPOSSIBLE)], axis=1),
  )
  loss = -log_likelihood(SplitLog(last.hi[0], last.lo[0]))
  alpha = SplitLog(visited.hi[:, 0], visited.lo[:, 0])
  beta = SplitLog(*(jnp.flip(x[:, 1], (0, 2)) for x in visited))  # of the diagonal after
  stay = times(beta, blank)
  move = times(SplitLog(next_label(beta.hi, IMPOSSIBLE), next_label(beta.lo, 0.0)), label)
  node = _softmax_of_product(alpha, plus(stay, move))
  node = jnp.where(jnp.isposinf(loss)[:, None], 0.0, node)
  more = difference(stay, move)
  taken = node * jax.nn.sigmoid(more), node * jax.nn.sigmoid(-more)
  t, u = jnp.arange(edges.blank.shape[1])[:, None], jnp.arange(edges.blank.shape[2])
  inside = (t < frame_lengths[:, None, None]) & (u <= label_lengths[:, None, None])
  return loss, Edges(*(jnp.where(inside, unskew(x, t.size), 0.0) for x in taken))


def _softmax_of_product(x: SplitLog, y: SplitLog) -> Float[Array, "N B U1"]:
  hi = x.hi + y.hi
  return jax.nn.softmax((hi - jnp.max(hi, axis=-1, keepdims=True)) + (x.lo + y.lo), axis=-1)


def _posteriors_forward(edges, frame_lengths, label_lengths):
  loss, taken = posteriors(edges, frame_lengths, label_lengths)
  return (loss, taken), taken


def _posteriors_backward(taken: Edges, cotangent: tuple[Float[Array, "B"], Edges]):
  d_loss, _ = cotangent
  return Edges(*(-d_loss[:, None, None] * x for x in taken)), None, None


posteriors.defvjp(_posteriors_forward, _posteriors_backward)
negative_log_likelihood.defvjp(
  posteriors, lambda taken, d_loss: _posteriors_backward(taken, (d_loss, taken))
)
