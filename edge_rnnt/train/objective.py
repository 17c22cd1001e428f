"""What is minimized: the transducer loss, CTC on the encoder, and known alignments, weighted."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, DTypeLike, Float, Int

from edge_rnnt import trees
from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.shapes import Frames, Labels, Lengths
from edge_rnnt.train import terms

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
  blank_penalty: float = 0.0,
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
  where the CTC head best places it to `after` frames behind (terms.heard_at), in encoder frames.

  With a blank_penalty the transducer's logit of the blank is raised by so much in the loss, and not
  when it is decoded: a model that has learned to be silent where it doubts then speaks up. At equal
  loss this is the penalty that other toolkits subtract in the search, and needs nothing there.

  A part whose weight is 0 is not computed: with the transducer off neither the prediction network
  nor the joint run. Rows without frames fill up a batch and count for nothing.

  matmul_dtype: what matrices, and what is multiplied with them, are rounded to (bfloat16: an
  accelerator's fast products). All else stays float32: gates, cell states, layer norm, the losses.

  Raises:
    ValueError: a negative weight, all weights 0, a weight for the CTC head of a model that has
      none, a window for a model without a simple head, or an emission that nothing places or that
      allows no frame.
  """
  weight_of = {
    "transducer": transducer_weight,
    "simple": transducer_weight * SIMPLE_SHARE,
    "ctc": ctc_weight,
    "alignment": alignment_weight,
  }
  _check(model, weight_of, window, emission)
  reduction, blank = model.config.time_reduction, model.config.blank

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
      found["aligned"] = jnp.sum(terms.said(alignment, frame_lengths, reduction)[1])
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
    variables, filled = {"params": params}, frame_lengths > 0
    encoded, lengths = model.apply(variables, features, frame_lengths, tap, method="encode")
    spoken, losses = (lengths, labels, label_lengths), {}
    if ctc_weight or alignment_weight:
      logits = model.apply(variables, encoded, method="ctc_logits")
    if transducer_weight:
      allowed = None
      if emission is not None:
        placed = terms.heard_at(logits, *spoken)
        allowed = placed - emission[0], placed + emission[1]
      losses |= terms.transducer(
        model, params, encoded, *spoken, tap, window, allowed, blank_penalty
      )
    if ctc_weight:
      losses["ctc"] = terms.ctc(logits, *spoken, blank)
    parts = {name: _mean(each, filled, counted["utterances"]) for name, each in losses.items()}
    if alignment_weight:
      said, known = terms.said(alignment, frame_lengths, reduction)
      frames = terms.frames_said(logits, said, blank)
      parts["alignment"] = _mean(frames, known, counted["aligned"])
    loss = sum((weight_of[name] * part for name, part in parts.items()), jnp.zeros(()))
    return loss, parts | {"loss": loss}

  return Objective(counts, shares)


def _check(
  model: RNNT,
  weight_of: dict[str, float],
  window: int | None,
  emission: tuple[int, int] | None,
) -> None:
  """Raises ValueError for what make_objective can't make."""
  ctc, alignment = weight_of["ctc"], weight_of["alignment"]
  if min(weight_of.values()) < 0 or not any(weight_of.values()):
    raise ValueError(
      "expected weights that are not negative and not all 0, got "
      f"transducer_weight={weight_of['transducer']}, ctc_weight={ctc}, "
      f"alignment_weight={alignment}"
    )
  if ctc + alignment and not model.config.ctc:
    raise ValueError(
      f"ctc_weight={ctc} and alignment_weight={alignment} need a model with a CTC "
      "head: RNNTConfig(ctc=True)"
    )
  if window is not None and not model.config.simple:
    raise ValueError(
      f"window={window}: the pruned loss needs a model with a simple head: RNNTConfig(simple=True)"
    )
  if emission is not None and (not ctc or window is not None or sum(emission) < 0):
    raise ValueError(
      f"emission={emission} is (frames before, frames after) where the CTC head places a label: it "
      f"needs a ctc_weight above 0 (got {ctc}) and no window (got {window})"
    )


def _rounded(params: Any, dtype: DTypeLike) -> Any:
  """The matrices in a precision of their own; an embedding is looked up, not multiplied."""

  def leaf(path: str, value: Array) -> Array:
    multiplied = value.ndim >= 2 and not path.endswith("embedding")
    return value.astype(dtype) if multiplied else value

  return params if dtype == jnp.float32 else trees.map_paths(leaf, params)


def _mean(
  losses: Float[Array, "*n"], counted: Bool[Array, "*n"], count: Int[Array, ""]
) -> Float[Array, ""]:
  """The sum of those counted here, over the count of the whole batch."""
  return jnp.sum(jnp.where(counted, losses, 0)) / jnp.maximum(count, 1)
