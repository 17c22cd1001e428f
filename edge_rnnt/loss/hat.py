"""The hybrid autoregressive transducer: blank or not is one decision, which label is another.

    P(blank) = sigmoid(x_blank);  P(label y) = (1 - P(blank)) softmax over the labels of x_y

(Variani et al. 2020, eq. 2 to 4.) The second factor is a language model of its own, whose
score can be taken off when an outside one is added.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.loss import problem
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.emission import Window, lattice_loss


def hat_transducer_loss(
  logits: Float[Array, "B T U1 V"],
  labels: Int[Array, "B U"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  fastemit: float = 0.0,
  delay_penalty: float = 0.0,
  emission_window: Window | None = None,
  zero_infinity: bool = False,
) -> Float[Array, "B"]:
  """`transducer_loss` with the factorization of this file; arguments, result and errors are its."""
  *grid, vocab_size = logits.shape
  problem.check(
    tuple(grid), labels, frame_lengths, label_lengths, vocab_size=vocab_size, blank=blank
  )
  next_labels = problem.next_labels(labels, label_lengths, vocab_size)
  return lattice_loss(
    hat_edges(logits, next_labels, blank),
    frame_lengths,
    label_lengths,
    fastemit=fastemit,
    delay_penalty=delay_penalty,
    emission_window=emission_window,
    zero_infinity=zero_infinity,
  )


def internal_lm_score(
  logits: Float[Array, "B U1 V"],
  labels: Int[Array, "B U"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
) -> Float[Array, "B"]:
  """log P(labels) of the internal language model, in nats (Variani et al. 2020, section 4).

    score = sum_u log softmax over the labels of logits(u), at label u + 1

  `logits` are those of the joint network for zeros in place of the encoder.
  """
  next_labels = problem.next_labels(labels, label_lengths, logits.shape[-1])
  log_z = _label_normalizer(logits, blank)
  scores = jnp.take_along_axis(logits, next_labels[..., None], axis=-1)[..., 0] - log_z
  real = jnp.arange(next_labels.shape[1]) < label_lengths[:, None]
  return jnp.sum(jnp.where(real, scores, 0.0), axis=-1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def hat_edges(logits: Float[Array, "B T U1 V"], labels: Int[Array, "B U1"], blank: int) -> Edges:
  """log P(blank) and log P(next label) of each node.

  log_z = log sum over v != blank of exp x_v
  edges.blank = log sigmoid(x_blank);  edges.label = log sigmoid(-x_blank) + x_label - log_z
  d x_blank = (1 - P(blank)) d blank - P(blank) d label
  d x_v     = ([v = label] - exp(x_v - log_z)) d label
  """
  return _forward(logits, labels, blank)[0]


def _forward(logits, labels, blank):
  log_z = _label_normalizer(logits, blank)
  at_label = jnp.take_along_axis(logits, labels[:, None, :, None], axis=-1)[..., 0]
  at_blank = logits[..., blank].astype(log_z.dtype)
  label = jax.nn.log_sigmoid(-at_blank) + at_label.astype(log_z.dtype) - log_z
  return Edges(jax.nn.log_sigmoid(at_blank), label), (logits, labels, log_z)


def _backward(blank, residuals, cotangent: Edges):
  logits, labels, log_z = residuals
  x = logits.astype(log_z.dtype)
  v = jnp.arange(x.shape[-1])
  p_blank = jax.nn.sigmoid(x[..., blank])
  d_blank = (1 - p_blank) * cotangent.blank - p_blank * cotangent.label
  unused = (cotangent.blank == 0) & (cotangent.label == 0)  # padding may hold NaN
  d_label = cotangent.label[..., None]
  gradient = jnp.where(v == labels[:, None, :, None], d_label, 0.0)
  gradient -= jnp.where(d_label == 0, 0.0, d_label * jnp.exp(x - log_z[..., None]))
  gradient = jnp.where(v == blank, jnp.where(unused, 0.0, d_blank)[..., None], gradient)
  return gradient.astype(logits.dtype), None


hat_edges.defvjp(_forward, _backward)


def _label_normalizer(logits: Float[Array, "*n V"], blank: int) -> Float[Array, "*n"]:
  is_label = jnp.arange(logits.shape[-1]) != blank
  x = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
  return jax.nn.logsumexp(x, axis=-1, where=is_label)
