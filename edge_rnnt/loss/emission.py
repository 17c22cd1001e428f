"""When labels are emitted: three ways to press for early labels, then the loss."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.lattice import negative_log_likelihood
from edge_rnnt.loss.splitlog import IMPOSSIBLE

# First and last frame in which each label may be emitted.
Window = tuple[Int[Array, "B U"], Int[Array, "B U"]]


def lattice_loss(
  edges: Edges,
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  fastemit: float = 0.0,
  delay_penalty: float = 0.0,
  emission_window: Window | None = None,
  zero_infinity: bool = False,
) -> Float[Array, "B"]:
  """The negative log-likelihood of the edges, after the options of this file that are asked for.

  `zero_infinity`: an utterance without an alignment costs 0 instead of +inf (its gradient is 0).
  """
  if fastemit:
    edges = edges._replace(label=_scale_gradient(edges.label, 1.0 + fastemit))
  if delay_penalty:
    edges = penalize_delay(edges, frame_lengths, delay_penalty)
  if emission_window is not None:
    edges = restrict(edges, emission_window)
  loss = negative_log_likelihood(edges, frame_lengths, label_lengths)
  _, frames, nodes = edges.blank.shape
  beyond = (frame_lengths > frames) | (label_lengths >= nodes)
  loss = jnp.where(beyond, jnp.nan, loss)
  return jnp.where(jnp.isposinf(loss), 0.0, loss) if zero_infinity else loss


def penalize_delay(edges: Edges, frame_lengths: Int[Array, "B"], penalty: float) -> Edges:
  """label(t, u) + penalty * ((T - 1) / 2 - t): a label gains by being early (k2).

  The reference is the middle of the utterance, so that the mean weight does not change.
  """
  t = jnp.arange(edges.label.shape[1])[:, None]
  early = (frame_lengths[:, None, None] - 1) / 2 - t
  return edges._replace(label=edges.label + penalty * early.astype(edges.label.dtype))


def restrict(edges: Edges, window: Window) -> Edges:
  """Label u only in frames first <= t <= last (alignment restriction, Mahadeokar et al. 2020)."""
  first, last = (jnp.pad(frame, ((0, 0), (0, 1)))[:, None, :] for frame in window)
  t = jnp.arange(edges.label.shape[1])[:, None]
  return edges._replace(label=jnp.where((first <= t) & (t <= last), edges.label, IMPOSSIBLE))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _scale_gradient(x: Float[Array, "*n"], factor: float) -> Float[Array, "*n"]:
  """FastEmit (Yu et al. 2021): emitting a label is worth `factor` of what the likelihood says."""
  return x


_scale_gradient.defvjp(
  lambda x, factor: (x, None), lambda factor, _, cotangent: (factor * cotangent,)
)
