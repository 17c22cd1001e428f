"""What is minimized: the transducer loss, CTC on the encoder, and known alignments, weighted."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, DTypeLike, Float, Int

from edge_rnnt import trees
from edge_rnnt.cells.cell import IDENTITY, Tap, valid_frames
from edge_rnnt.inputs.alignment import BETWEEN, UNKNOWN
from edge_rnnt.loss.alignment import best_alignment
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.emission import Window
from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.loss.pruned import pruned_transducer_loss
from edge_rnnt.model import joint
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.shapes import Frames, Labels, Lengths

Parts = dict[str, Array]


@dataclasses.dataclass(frozen=True)
class Objective:
  """A loss that can be computed a few rows at a time: on several devices, or one after another.

  Attributes:
    counts: counts(*batch) -> by name, how many each mean is over. Those of parts of a batch add up.
    shares: shares(params, counts, *batch) -> (loss, parts), given the counts of the whole batch:
      those of parts of a batch add up to the loss of the whole, and so do their gradients. What is
      quantized in training takes a `tap` beside them.
  """

  counts: Callable[..., Parts]
  shares: Callable[..., tuple[Float[Array, ""], Parts]]

  def __call__(self, params: Any, *batch: Any, **tap: Tap) -> tuple[Float[Array, ""], Parts]:
    """(loss, parts) of a whole batch."""
    return self.shares(params, self.counts(*batch), *batch, **tap)


# Beside the pruned loss, where both end up after a warm-up (Kuang et al. 2022, section 4).
SIMPLE_SHARE = 0.5


def make_objective(
  model: RNNT,
  *,
  transducer_weight: float,
  ctc_weight: float,
  alignment_weight: float = 0.0,
  window: int | None = None,
  emission: tuple[int, int] | None = None,
  matmul_dtype: DTypeLike = jnp.float32,
) -> Objective:
  """objective(params, features, frame_lengths, labels, label_lengths, alignment) -> (loss, parts).

      loss = transducer_weight * transducer + ctc_weight * ctc + alignment_weight * alignment

  The first two are in nats an utterance. The last is in nats an encoder frame: the cross entropy of
  the CTC head with what the frame should say, where that is known (joined recordings). It tells
  words apart from the first update on; the others need hundreds to leave "blank everywhere".

  With a window the joint network runs at so many labels per frame only (see loss/pruned.py):

      transducer_weight * (transducer + SIMPLE_SHARE * simple) in place of the first term

  With emission = (before, after) the transducer may emit a label only from `before` frames ahead of
  where the CTC head best places it to `after` frames behind (`heard_at`), in encoder frames.

  A part whose weight is 0 is not computed: with the transducer off neither the prediction network
  nor the joint run. Rows without frames fill up a batch and count for nothing.

  matmul_dtype: what matrices, and what is multiplied with them, are rounded to (bfloat16: an
  accelerator's fast products). All else stays float32: gates, cell states, layer norm, the losses.

  Raises:
    ValueError: a negative weight, all weights 0, a weight for the CTC head of a model that has
      none, a window for a model without a simple head, or an emission that nothing places or that
      allows no frame.
  """
  weights = (transducer_weight, ctc_weight, alignment_weight)
  if min(weights) < 0 or sum(weights) == 0:
    raise ValueError(
      "expected weights that are not negative and not all 0, got "
      f"transducer_weight={transducer_weight}, ctc_weight={ctc_weight}, "
      f"alignment_weight={alignment_weight}"
    )
  if ctc_weight + alignment_weight and not model.config.ctc:
    raise ValueError(
      f"ctc_weight={ctc_weight} and alignment_weight={alignment_weight} need a model with a CTC "
      "head: RNNTConfig(ctc=True)"
    )
  if window is not None and not model.config.simple:
    raise ValueError(
      f"window={window}: the pruned loss needs a model with a simple head: RNNTConfig(simple=True)"
    )
  if emission is not None and (not ctc_weight or window is not None or sum(emission) < 0):
    raise ValueError(
      f"emission={emission} is (frames before, frames after) where the CTC head places a label: it "
      f"needs a ctc_weight above 0 (got {ctc_weight}) and no window (got {window})"
    )

  weight_of = {
    "transducer": transducer_weight,
    "simple": transducer_weight * SIMPLE_SHARE,
    "ctc": ctc_weight,
    "alignment": alignment_weight,
  }

  def counts(
    features: Frames,
    frame_lengths: Lengths,
    labels: Labels,
    label_lengths: Lengths,
    alignment: Int[Array, "B T"],
  ) -> Parts:
    del features, labels, label_lengths
    found = {"utterances": jnp.sum(frame_lengths > 0)}
    if alignment_weight:
      said, lengths = _said(alignment, frame_lengths, model.config.time_reduction)
      found["aligned"] = jnp.sum(_known(said, lengths))
    return found

  def shares(
    params: Any,
    counted: Parts,
    features: Frames,
    frame_lengths: Lengths,
    labels: Labels,
    label_lengths: Lengths,
    alignment: Int[Array, "B T"],
    tap: Tap = IDENTITY,
  ) -> tuple[Float[Array, ""], Parts]:
    params = _rounded(params, matmul_dtype)
    filled = frame_lengths > 0
    encoded, lengths = model.apply(
      {"params": params}, features, frame_lengths, tap, method="encode"
    )
    loss, parts = jnp.zeros(()), {}
    if ctc_weight or alignment_weight:
      logits = model.apply({"params": params}, encoded, method="ctc_logits")
    if transducer_weight:
      given = encoded, lengths, labels, label_lengths
      allowed = None
      if emission is not None:
        placed = heard_at(logits, *given[1:])
        allowed = placed - emission[0], placed + emission[1]
      losses = _transducer(model, params, *given, tap, window, allowed)
      parts |= {name: _sum(each, filled) for name, each in losses.items()}
    if ctc_weight:
      losses = _ctc(logits, lengths, labels, label_lengths, model.config.blank)
      parts["ctc"] = _sum(losses, filled)
    parts = {name: part / jnp.maximum(counted["utterances"], 1) for name, part in parts.items()}
    if alignment_weight:
      said, _ = _said(alignment, frame_lengths, model.config.time_reduction)
      summed = _sum(_says(logits, said, model.config.blank), _known(said, lengths))
      parts["alignment"] = summed / jnp.maximum(counted["aligned"], 1)
    for name, part in parts.items():
      loss += weight_of[name] * part
    return loss, parts | {"loss": loss}

  return Objective(counts, shares)


def _rounded(params: Any, dtype: DTypeLike) -> Any:
  """The matrices in a precision of their own; an embedding is looked up, not multiplied."""

  def leaf(path: str, value: Array) -> Array:
    multiplied = value.ndim >= 2 and not path.endswith("embedding")
    return value.astype(dtype) if multiplied else value

  return params if dtype == jnp.float32 else trees.map_paths(leaf, params)


def _transducer(
  model: RNNT,
  params: Any,
  encoded: Float[Array, "B T P"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
  tap: Tap,
  window: int | None,
  allowed: Window | None,
) -> dict[str, Float[Array, "B"]]:
  predicted = model.apply({"params": params}, labels, tap, method="predict")
  weights, joint_tap = params["joint"], tap.scope("joint")

  def combine(weights_and_tap: tuple, heard: Array, expected: Array) -> Array:
    return joint.combine(weights_and_tap[0], heard, expected, weights_and_tap[1])

  network = (
    combine,
    (weights, joint_tap),  # arrays must come in as arguments, those of the tap too
    joint.project_encoded(weights, encoded, joint_tap),
    joint.project_predicted(weights, predicted, joint_tap),
  )
  spoken, blank = (labels, lengths, label_lengths), model.config.blank
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


def _ctc(
  logits: Float[Array, "B T V"],
  lengths: Lengths,
  labels: Labels,
  label_lengths: Lengths,
  blank: int,
) -> Float[Array, "B"]:
  return optax.ctc_loss(
    logits,
    _padding(lengths, logits.shape[1]),
    labels,
    _padding(label_lengths, labels.shape[1]),
    blank_id=blank,
  )


def _said(
  alignment: Int[Array, "B T"], frame_lengths: Lengths, reduction: int
) -> tuple[Int[Array, "B T2"], Lengths]:
  """What each encoder frame should say, by the last frame it was made of; how many there are."""
  frames = alignment.shape[1]
  last = np.minimum(np.arange(reduction - 1, frames + reduction - 1, reduction), frames - 1)
  return alignment[:, last], -(-frame_lengths // reduction)


def _known(said: Int[Array, "B T2"], lengths: Lengths) -> Bool[Array, "B T2"]:
  return (said != UNKNOWN) & valid_frames(lengths, said.shape[1])


def _says(
  logits: Float[Array, "B T V"], said: Int[Array, "B T"], blank: int
) -> Float[Array, "B T"]:
  """-log p(what is said); any number where that is unknown."""
  targets = jnp.where(said == BETWEEN, blank, jnp.maximum(said, 0))
  return optax.softmax_cross_entropy_with_integer_labels(logits, targets)


def _padding(lengths: Lengths, size: int) -> Float[Array, "B size"]:
  """1.0 beyond the lengths, the polarity of optax.ctc_loss."""
  return (~valid_frames(lengths, size)).astype(jnp.float32)


def _sum(losses: Float[Array, "*n"], counted: Bool[Array, "*n"]) -> Float[Array, ""]:
  return jnp.sum(jnp.where(counted, losses, 0))
