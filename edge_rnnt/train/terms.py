"""The terms of the objective, each by itself, before they are weighted and averaged."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from edge_rnnt.cells.cell import Tap, valid_frames
from edge_rnnt.inputs.alignment import BETWEEN, UNKNOWN
from edge_rnnt.loss.alignment import best_alignment
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.emission import Window
from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.loss.pruned import pruned_transducer_loss
from edge_rnnt.model import joint
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.shapes import Labels, Lengths


def transducer(
  model: RNNT,
  params: dict,
  encoded: Float[Array, "B T P"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
  tap: Tap,
  window: int | None,
  allowed: Window | None,
  blank_penalty: float,
) -> dict[str, Float[Array, "B"]]:
  """{"transducer": nats an utterance}, and beside a pruned one {"simple": that which pruned it}.

  window: labels at which the joint network runs in each frame, None for all (loss/pruned.py).
  allowed: (first, last) frame in which each label may be emitted.
  blank_penalty: what the blank's logit is raised by here, and so lacks when it is decoded.
  """
  predicted = model.apply({"params": params}, labels, tap, method="predict")
  weights, joint_tap = params["joint"], tap.scope("joint")
  spoken, blank = (labels, lengths, label_lengths), model.config.blank
  if blank_penalty:
    bias = weights["output_bias"].at[blank].add(blank_penalty)
    weights = weights | {"output_bias": bias}

  def combine(weights_and_tap: tuple, heard: Array, expected: Array) -> Array:
    return joint.combine(weights_and_tap[0], heard, expected, weights_and_tap[1])

  network = (
    combine,
    (weights, joint_tap),  # arrays must come in as arguments, those of the tap too
    joint.project_encoded(weights, encoded, joint_tap),
    joint.project_predicted(weights, predicted, joint_tap),
  )
  if window is None:
    losses = joint_transducer_loss(*network, *spoken, blank=blank, emission_window=allowed)
    return {"transducer": losses}
  simple = model.apply({"params": params}, encoded, predicted, method="simple_logits")
  # Not smoothed: where beginnings are predictable, lm_only = 0.25 pays for guessing the first label
  # unheard (seen with a head for the encoder that was not CTC's: WER 34 % instead of 14).
  both = pruned_transducer_loss(*network, *simple, *spoken, blank=blank, window=window, lm_only=0.0)
  return {"transducer": both.pruned, "simple": both.simple}


def heard_at(
  logits: Float[Array, "B T V"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
) -> Int[Array, "B U"]:
  """The frame in which a CTC head hears each label: the best of all that keep the labels' order.

    frames = argmax over t_1 <= t_2 <= ... <= t_U of sum_u log p(y_u | t_u)

  -1 beyond `label_lengths`. No gradient flows through it.
  """
  log_p = jax.lax.stop_gradient(jax.nn.log_softmax(logits))
  label = jnp.take_along_axis(log_p, jnp.pad(labels, ((0, 0), (0, 1)))[:, None, :], axis=-1)
  # Every alignment takes one blank a frame; what it costs is the same for all.
  edges = Edges(jnp.zeros_like(label), label)
  return best_alignment(edges, lengths, label_lengths)[1]


def ctc(
  logits: Float[Array, "B T V"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
  blank: int,
) -> Float[Array, "B"]:
  """Nats an utterance."""
  return optax.ctc_loss(
    logits,
    _padding(lengths, logits.shape[1]),
    labels,
    _padding(label_lengths, labels.shape[1]),
    blank_id=blank,
  )


def said(
  alignment: Int[Array, "B T"], frame_lengths: Lengths, reduction: int
) -> tuple[Int[Array, "B T2"], Bool[Array, "B T2"]]:
  """What each encoder frame should say, by the last frame it was made of, and where it is known."""
  frames = alignment.shape[1]
  last = np.minimum(np.arange(reduction - 1, frames + reduction - 1, reduction), frames - 1)
  spoken = alignment[:, last]
  inside = valid_frames(-(-frame_lengths // reduction), spoken.shape[1])
  return spoken, (spoken != UNKNOWN) & inside


def frames_said(
  logits: Float[Array, "B T V"], spoken: Int[Array, "B T"], blank: int
) -> Float[Array, "B T"]:
  """-log p(what is said), nats an encoder frame; any number where that is unknown."""
  targets = jnp.where(spoken == BETWEEN, blank, jnp.maximum(spoken, 0))
  return optax.softmax_cross_entropy_with_integer_labels(logits, targets)


def _padding(lengths: Lengths, size: int) -> Float[Array, "B size"]:
  """1.0 beyond the lengths, the polarity of optax.ctc_loss."""
  return (~valid_frames(lengths, size)).astype(jnp.float32)
