"""The simple transducer: logits are a sum of an encoder's and a predictor's, so no node needs V.

    log p(v | t, u) = am(t, v) + lm(u, v) - log sum_v exp(am(t, v) + lm(u, v))

(Kuang et al. 2022, section 3.) The normalizers of all nodes are one matrix product of exponentials.
Its loss trains alone and, through its posteriors, shows the pruned loss where to look.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.loss import problem
from edge_rnnt.loss.diagonals import Edges

# Keeps log finite where a product of exponentials underflows: am and lm that agree on no token.
TINY = 1e-37


def simple_edges(
  am: Float[Array, "B T V"],
  lm: Float[Array, "B U1 V"],
  labels: Int[Array, "B U1"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  lm_only: float = 0.0,
  am_only: float = 0.0,
) -> Edges:
  """The edges of the simple transducer, smoothed (Kuang et al. 2022, section 3.3).

    smoothed log p = (1 - lm_only - am_only) log p(v | t, u) + lm_only log softmax(lm(u))_v
                     + am_only log p(v | t)
    log p(v | t) = log softmax(am(t) + log unigram)_v,  unigram = mean over b, u of softmax(lm)

  Smoothing keeps each part a sensible model alone; with it, probabilities no longer sum to one.
  Rows beyond the lengths may hold anything.
  """
  lengths = frame_lengths, label_lengths
  log_z = _log_z(am, lm, *lengths)
  am_label = jnp.take_along_axis(am, labels[:, None, :], axis=-1)
  lm_label = jnp.take_along_axis(lm, labels[..., None], axis=-1).mT
  am_blank, lm_blank = am[..., blank, None], lm[..., blank][:, None]
  both = 1.0 - lm_only - am_only
  edges = Edges(both * (am_blank + lm_blank - log_z), both * (am_label + lm_label - log_z))
  if lm_only:
    lm_z = jax.nn.logsumexp(problem.clear_padding(am, lm, *lengths)[1], axis=-1)[:, None]
    edges = _add(edges, lm_only, Edges(lm_blank - lm_z, lm_label - lm_z))
  if am_only:
    am, lm = problem.clear_padding(am, lm, *lengths)
    unigram = jnp.mean(jax.nn.softmax(lm), axis=(0, 1)) + TINY
    log_unigram = jnp.log(unigram)
    am_z = jax.nn.logsumexp(am + log_unigram, axis=-1, keepdims=True)
    label = am_label + log_unigram[labels][:, None] - am_z
    edges = _add(edges, am_only, Edges(am_blank + log_unigram[blank] - am_z, label))
  return edges


def _log_z(
  am: Float[Array, "B T V"],
  lm: Float[Array, "B U1 V"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
) -> Float[Array, "B T U1"]:
  """An utterance at a time, and once more for the gradient: exp(am) is as large as am."""

  @jax.checkpoint
  def of_one(rows):
    am, lm, frames, labels = rows
    am = jnp.where(jnp.arange(am.shape[0])[:, None] < frames, am, 0)
    lm = jnp.where(jnp.arange(lm.shape[0])[:, None] <= labels, lm, 0)
    am_max, lm_max = (jax.lax.stop_gradient(jnp.max(x, -1, keepdims=True)) for x in (am, lm))
    z = jnp.exp(am - am_max) @ jnp.exp(lm - lm_max).T
    return jnp.log(z + TINY) + am_max + lm_max.T

  return jax.lax.map(of_one, (am, lm, frame_lengths, label_lengths))


def _add(edges: Edges, scale: float, part: Edges) -> Edges:
  return Edges(*(x + scale * y for x, y in zip(edges, part, strict=True)))
