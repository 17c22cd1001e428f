"""From the losses of a batch to one number. Utterances without labels count as if they had one."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def mean_per_label(losses: Float[Array, "B"], label_lengths: Int[Array, "B"]) -> Float[Array, ""]:
  """sum of losses / sum of labels: every label of the batch weighs the same."""
  return jnp.sum(losses) / jnp.sum(jnp.maximum(label_lengths, 1))


def mean_of_label_means(
  losses: Float[Array, "B"], label_lengths: Int[Array, "B"]
) -> Float[Array, ""]:
  """mean of losses / labels: every utterance of the batch weighs the same."""
  return jnp.mean(losses / jnp.maximum(label_lengths, 1))
