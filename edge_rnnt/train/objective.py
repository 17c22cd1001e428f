"""What is minimized: a weighted sum of the transducer loss and of CTC on the encoder."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.model import joint
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.shapes import Frames, Labels, Lengths

Objective = Callable[..., tuple[Float[Array, ""], dict[str, Array]]]


def make_objective(
  model: RNNT, *, transducer_weight: float, ctc_weight: float, tap: Tap = IDENTITY
) -> Objective:
  """objective(params, features, frame_lengths, labels, label_lengths) -> (loss, its parts).

      loss = mean over utterances of (transducer_weight * transducer + ctc_weight * ctc), in nats

  A part whose weight is 0 is not computed: with the transducer off neither the prediction network
  nor the joint run. Rows without frames fill up a batch and count for nothing.

  Raises:
    ValueError: a negative weight, both weights 0, or a CTC weight for a model without a CTC head.
  """
  if min(transducer_weight, ctc_weight) < 0 or transducer_weight + ctc_weight == 0:
    raise ValueError(
      "expected weights that are not negative and not both 0, got "
      f"transducer_weight={transducer_weight}, ctc_weight={ctc_weight}"
    )
  if ctc_weight and not model.config.ctc:
    raise ValueError(f"ctc_weight={ctc_weight} needs a model with a CTC head: RNNTConfig(ctc=True)")

  def objective(
    params: Any, features: Frames, frame_lengths: Lengths, labels: Labels, label_lengths: Lengths
  ) -> tuple[Float[Array, ""], dict[str, Array]]:
    filled = frame_lengths > 0
    encoded, lengths = model.apply(
      {"params": params}, features, frame_lengths, tap, method="encode"
    )
    loss, parts = jnp.zeros(()), {}
    if transducer_weight:
      losses = _transducer(model, params, encoded, lengths, labels, label_lengths, tap)
      parts["transducer"] = _mean(losses, filled)
      loss += transducer_weight * parts["transducer"]
    if ctc_weight:
      losses = _ctc(model, params, encoded, lengths, labels, label_lengths)
      parts["ctc"] = _mean(losses, filled)
      loss += ctc_weight * parts["ctc"]
    return loss, parts | {"loss": loss}

  return objective


def _transducer(
  model: RNNT,
  params: Any,
  encoded: Float[Array, "B T P"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
  tap: Tap,
) -> Float[Array, "B"]:
  predicted = model.apply({"params": params}, labels, tap, method="predict")
  weights, joint_tap = params["joint"], tap.scope("joint")

  def combine(weights_and_tap: tuple, heard: Array, expected: Array) -> Array:
    return joint.combine(weights_and_tap[0], heard, expected, weights_and_tap[1])

  return joint_transducer_loss(
    combine,
    (weights, joint_tap),  # arrays must come in as arguments, those of the tap too
    joint.project_encoded(weights, encoded, joint_tap),
    joint.project_predicted(weights, predicted, joint_tap),
    labels,
    lengths,
    label_lengths,
    blank=model.config.blank,
  )


def _ctc(
  model: RNNT,
  params: Any,
  encoded: Float[Array, "B T P"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
) -> Float[Array, "B"]:
  logits = model.apply({"params": params}, encoded, method="ctc_logits")
  return optax.ctc_loss(
    logits,
    _padding(lengths, logits.shape[1]),
    labels,
    _padding(label_lengths, labels.shape[1]),
    blank_id=model.config.blank,
  )


def _padding(lengths: Lengths, size: int) -> Float[Array, "B size"]:
  """1.0 beyond the lengths, the polarity of optax.ctc_loss."""
  return (jnp.arange(size) >= lengths[:, None]).astype(jnp.float32)


def _mean(losses: Float[Array, "B"], filled: Array) -> Float[Array, ""]:
  return jnp.sum(jnp.where(filled, losses, 0)) / jnp.maximum(jnp.sum(filled), 1)
