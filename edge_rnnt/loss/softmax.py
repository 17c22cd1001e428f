"""From V logits per node to the two log-probabilities that its edges need, and back.

Between the forward and the backward pass nothing of size V is kept but the logits themselves, and
the backward pass makes one array of that size: the gradient, in the logits' own memory if donated.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.varying import varying_like

# On a CPU the gradient of fewer tokens is made in one pass, of more in two: see softmax_gradient.
WIDE = 100


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def softmax_edges(
  logits: Float[Array, "B T U1 V"], labels: Int[Array, "B U1"], blank: int, clamp: float | None
) -> tuple[Edges, Float[Array, "B"]]:
  """log softmax(logits) at the blank and at the next label.

    log_z = log sum_v exp logits(v)
    edges.blank = logits(blank) - log_z;  edges.label = logits(label) - log_z
    d logits(v) = [v = blank] d blank + [v = label] d label
                  - exp(logits(v) - log_z) (d blank + d label)

  The second result is zero, to be added to the losses: its cotangent is the weight of each
  utterance, and `clamp` bounds d logits relative to that.
  """
  return _forward(logits, labels, blank, clamp)[0]


def _forward(logits, labels, blank, clamp):
  edges, log_z = edges_and_normalizer(logits, labels[:, None, :], blank)
  unit = varying_like(jnp.zeros(logits.shape[0], log_z.dtype), log_z)
  return (edges, unit), (logits, labels, log_z)


def _backward(blank, clamp, residuals, cotangent):
  logits, labels, log_z = residuals
  edges, weight = cotangent
  gradient = softmax_gradient(logits, log_z, labels[:, None, :], blank, edges)
  return clip_gradient(gradient, clamp, weight[:, None, None, None]), None


softmax_edges.defvjp(_forward, _backward)


def edges_and_normalizer(
  logits: Float[Array, "*n V"], labels: Int[Array, "*#n"], blank: int
) -> tuple[Edges, Float[Array, "*n"]]:
  log_z = log_normalizer(logits)
  at_label = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")[..., 0]
  edges = (x.astype(log_z.dtype) - log_z for x in (logits[..., blank], at_label))
  return Edges(*edges), log_z


def log_normalizer(logits: Float[Array, "*n V"]) -> Float[Array, "*n"]:
  """log sum exp over the vocabulary, in float32 at least."""
  two_passes = functools.partial(jax.nn.logsumexp, axis=-1)
  x = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
  return lax.platform_dependent(x, cpu=_one_pass, default=two_passes)


def _one_pass(x: Float[Array, "*n V"]) -> Float[Array, "*n"]:
  """Without taking the maximum off first: half the memory traffic, and checked afterwards."""
  total = jnp.sum(jnp.exp(x), axis=-1)
  safe = jnp.all((total > 1e-30) & (total < 1e38))
  return lax.cond(safe, lambda: jnp.log(total), lambda: jax.nn.logsumexp(x, axis=-1))


def softmax_gradient(
  logits: Float[Array, "*n V"],
  log_z: Float[Array, "*n"],
  labels: Int[Array, "*#n"],
  blank: int,
  cotangent: Edges,
) -> Float[Array, "*n V"]:
  """d logits of `softmax_edges`; a node whose edges have no cotangent may hold NaN."""
  labels = jnp.broadcast_to(labels, log_z.shape)
  narrow = logits.shape[-1] < WIDE
  if narrow or logits.dtype != log_z.dtype:  # bfloat16: terms are summed before the one rounding
    return _gradient_by_select(logits, log_z, labels, cotangent, blank=blank)
  return lax.platform_dependent(
    logits,
    log_z,
    labels,
    cotangent,
    cpu=functools.partial(_gradient_by_scatter, blank=blank),
    default=functools.partial(_gradient_by_select, blank=blank),
  )


def _normalizer_gradient(logits, log_z, cotangent: Edges) -> Float[Array, "*n V"]:
  node = (cotangent.blank + cotangent.label)[..., None]
  p = jnp.exp(logits.astype(log_z.dtype) - log_z[..., None])
  return jnp.where(node == 0, 0.0, -node * p)


def _gradient_by_scatter(logits, log_z, labels, cotangent, *, blank) -> Float[Array, "*n V"]:
  """Touches two columns per node: a second pass, which pays on a CPU where rows are long."""
  gradient = _normalizer_gradient(logits, log_z, cotangent).at[..., blank].add(cotangent.blank)
  node = jnp.indices(log_z.shape, sparse=True)
  return gradient.at[(*node, labels)].add(
    cotangent.label, mode="promise_in_bounds", unique_indices=True
  )


def _gradient_by_select(logits, log_z, labels, cotangent, *, blank) -> Float[Array, "*n V"]:
  """One fused pass: for short rows, and for accelerators, whose scatters are slow."""
  v = jnp.arange(logits.shape[-1])
  gradient = _normalizer_gradient(logits, log_z, cotangent)
  gradient += jnp.where(v == blank, cotangent.blank[..., None], 0.0)
  gradient += jnp.where(v == labels[..., None], cotangent.label[..., None], 0.0)
  return gradient.astype(logits.dtype)


def clip_gradient(
  gradient: Float[Array, "*n V"], clamp: float | None, weight: Float[Array, "*#n 1"]
) -> Float[Array, "*n V"]:
  """The gradient of `weight` times a loss, such that the loss's own stays within +-clamp."""
  if clamp is None:
    return gradient
  bound = (clamp * jnp.abs(weight)).astype(gradient.dtype)
  return jnp.clip(gradient, -bound, bound)
