"""What a transducer loss is given: checked once, in words that say what was given."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


def check(
  grid: tuple[int, int, int],
  labels: Int[Array, "..."],
  frame_lengths: Int[Array, "..."],
  label_lengths: Int[Array, "..."],
  *,
  vocab_size: int,
  blank: int,
) -> None:
  """Raises ValueError where shapes disagree, or where lengths or labels that are known are outside.

  `grid` is (B, T, U + 1). Inside jit only shapes are known: there a length beyond T or U gives a
  loss of NaN, and a label outside the vocabulary is taken for the nearest one inside.
  """
  batch, frames, nodes = grid
  _check_shape("labels", labels, (batch, nodes - 1), grid)
  _check_shape("frame_lengths", frame_lengths, (batch,), grid)
  _check_shape("label_lengths", label_lengths, (batch,), grid)
  if not 0 <= blank < vocab_size:
    raise ValueError(
      f"blank is {blank}, outside a vocabulary of {vocab_size} (0 to {vocab_size - 1}); "
      "in this project it is the last token"
    )
  _check_lengths("frame_lengths", frame_lengths, frames, "frames")
  _check_lengths("label_lengths", label_lengths, nodes - 1, "labels")
  _check_labels(labels, label_lengths, vocab_size, blank)


def next_labels(
  labels: Int[Array, "B U"], label_lengths: Int[Array, "B"], vocab_size: int
) -> Int[Array, "B U1"]:
  """The label that leaves each node, with 0 where there is none: whatever the padding held."""
  u = jnp.arange(labels.shape[1])
  inside = jnp.where(u < label_lengths[:, None], jnp.clip(labels, 0, vocab_size - 1), 0)
  return jnp.pad(inside, ((0, 0), (0, 1)))


def clear_padding(
  encoded: Float[Array, "B T D"],
  predicted: Float[Array, "B U1 E"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
) -> tuple[Float[Array, "B T D"], Float[Array, "B U1 E"]]:
  """Zeros beyond the lengths: a NaN times a gradient of zero would still be NaN."""
  t, u = jnp.arange(encoded.shape[1])[:, None], jnp.arange(predicted.shape[1])[:, None]
  encoded = jnp.where(t < frame_lengths[:, None, None], encoded, 0)
  return encoded, jnp.where(u <= label_lengths[:, None, None], predicted, 0)


def _check_shape(
  name: str, x: Array, expected: tuple[int, ...], grid: tuple[int, int, int]
) -> None:
  if np.shape(x) != expected or not np.issubdtype(x.dtype, np.integer):
    raise ValueError(
      f"{name} is {x.dtype}{list(np.shape(x))}, expected integers of shape {list(expected)}: "
      f"the lattice has [B, T, U + 1] = {list(grid)} nodes"
    )


def _check_lengths(name: str, lengths: Array, most: int, unit: str) -> None:
  if isinstance(lengths, jax.core.Tracer):
    return
  lengths = np.asarray(lengths)
  wrong = np.flatnonzero((lengths < 0) | (lengths > most))
  if wrong.size:
    raise ValueError(
      f"{name}[{wrong[0]}] is {lengths[wrong[0]]}, expected 0 to {most}: "
      f"the arrays have {most} {unit}"
    )


def _check_labels(labels: Array, label_lengths: Array, vocab_size: int, blank: int) -> None:
  if isinstance(labels, jax.core.Tracer) or isinstance(label_lengths, jax.core.Tracer):
    return
  labels = np.asarray(labels)
  real = np.arange(labels.shape[1]) < np.asarray(label_lengths)[:, None]
  wrong = np.argwhere(real & ((labels < 0) | (labels >= vocab_size) | (labels == blank)))
  if wrong.size:
    b, u = wrong[0]
    raise ValueError(
      f"labels[{b}, {u}] is {labels[b, u]}, expected 0 to {vocab_size - 1} "
      f"and not the blank, {blank}"
    )
