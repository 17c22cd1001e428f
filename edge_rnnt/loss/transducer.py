"""The transducer loss of given logits. For the loss of given encodings, cheaper, see joint.py."""

from jaxtyping import Array, Float, Int

from edge_rnnt.loss import problem
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.emission import Window, lattice_loss
from edge_rnnt.loss.softmax import softmax_edges


def transducer_loss(
  logits: Float[Array, "B T U1 V"],
  labels: Int[Array, "B U"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  fastemit: float = 0.0,
  clamp: float | None = None,
  delay_penalty: float = 0.0,
  emission_window: Window | None = None,
  zero_infinity: bool = False,
) -> Float[Array, "B"]:
  """-log P(labels | frames) of each utterance, summed over all alignments (Graves 2012).

    log p(k | t, u) = log_softmax(logits(t, u))_k
    blank(t, u) = log p(blank | t, u)       the edge (t, u) -> (t + 1, u)
    label(t, u) = log p(y_{u+1} | t, u)     the edge (t, u) -> (t, u + 1)
    loss = -log sum over paths from (0, 0) to (T, U) of exp(sum of their edges)

  Args:
    logits: unnormalized scores, float32 or bfloat16 (the lattice is float32 in both cases; float64
      if the logits are). The memory of a donated array becomes that of the gradient.
    labels: without blanks. What lies beyond `label_lengths` may be anything.
    frame_lengths: frames of each utterance, 0 to T. What lies beyond them is never read.
    label_lengths: labels of each utterance, 0 to U.
    blank: the blank's token.
    fastemit: lambda of FastEmit (Yu et al. 2021): the gradient through label edges is multiplied by
      1 + lambda; the value is unchanged.
    clamp: bound on each entry of the gradient of one utterance's loss with respect to its logits.
    delay_penalty: per frame, see `emission.penalize_delay`; changes the value.
    emission_window: first and last frame allowed for each label, see `emission.restrict`.
    zero_infinity: give 0 where no alignment is possible.

  Returns:
    The loss in nats, not divided by any length (see reduction.py). +inf, with a gradient of zero,
    where no alignment is possible.

  Raises:
    ValueError: shapes that disagree, a blank outside V, and, outside of jit, lengths or labels that
      are out of range.
  """
  *grid, vocab_size = logits.shape
  problem.check(
    tuple(grid), labels, frame_lengths, label_lengths, vocab_size=vocab_size, blank=blank
  )
  next_labels = problem.next_labels(labels, label_lengths, vocab_size)
  edges, unit = softmax_edges(logits, next_labels, blank, clamp)
  return unit + lattice_loss(
    edges,
    frame_lengths,
    label_lengths,
    fastemit=fastemit,
    delay_penalty=delay_penalty,
    emission_window=emission_window,
    zero_infinity=zero_infinity,
  )


def transducer_edges(
  logits: Float[Array, "B T U1 V"],
  labels: Int[Array, "B U"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
) -> Edges:
  """The lattice of `transducer_loss`, for posteriors (lattice.py) and alignments (alignment.py)."""
  next_labels = problem.next_labels(labels, label_lengths, logits.shape[-1])
  return softmax_edges(logits, next_labels, blank, None)[0]
