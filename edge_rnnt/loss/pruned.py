"""The pruned transducer loss: the joint network looks at a few labels per frame."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from edge_rnnt.loss import band, problem
from edge_rnnt.loss.chunks import JointFn, Params, Tiles, Visit, tile_edges
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.emission import lattice_loss
from edge_rnnt.loss.lattice import posteriors
from edge_rnnt.loss.simple import simple_edges


class PrunedLoss(NamedTuple):
  """Both are trained: the simple loss finds the windows in which the pruned one looks."""

  simple: Float[Array, "B"]
  pruned: Float[Array, "B"]


def pruned_transducer_loss(
  joint_fn: JointFn,
  params: Params,
  encoded: Float[Array, "B T D"],
  predicted: Float[Array, "B U1 E"],
  am: Float[Array, "B T V"],
  lm: Float[Array, "B U1 V"],
  labels: Int[Array, "B U"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  window: int = 5,
  lm_only: float = 0.25,
  am_only: float = 0.0,
  fastemit: float = 0.0,
  delay_penalty: float = 0.0,
  zero_infinity: bool = False,
  chunk_nodes: int = 256,
) -> PrunedLoss:
  """The smoothed simple loss of am + lm, and `joint_transducer_loss` within windows of the lattice.

  (Kuang et al. 2022.)

    posteriors of the simple lattice -> the `window` nodes of each frame where alignments are likely
    pruned loss: joint_fn at those nodes, all other nodes are impossible

  Args:
    joint_fn, params, encoded, predicted, labels and the lengths: of `joint_transducer_loss`.
    am, lm: logits of the encoder alone and of the predictor alone: one linear layer each.
    window: S, nodes per frame; an alignment may emit S - 1 labels per frame at most.
    lm_only, am_only: smoothing, see `simple_edges`. 0.25 of lm_only suits large vocabularies; where
      a predictor can guess, it pays for guessing before anything is heard, and 0 is better.
    The others, for both losses: see `transducer_loss`.

  Returns:
    Both losses; for their weights see `warm_up`. The windows count as constants.

  Raises:
    ValueError: as `transducer_loss`; and, outside of jit, a window too small for (S - 1) * T >= U.
      Inside jit the pruned loss is then +inf.
  """
  grid = (encoded.shape[0], encoded.shape[1], predicted.shape[1])
  vocab_size = am.shape[-1]
  lengths = frame_lengths, label_lengths
  problem.check(grid, labels, *lengths, vocab_size=vocab_size, blank=blank)
  _check_window(window, frame_lengths, label_lengths)
  labels = problem.next_labels(labels, label_lengths, vocab_size)
  encoded, predicted = problem.clear_padding(encoded, predicted, *lengths)
  emission = dict(fastemit=fastemit, delay_penalty=delay_penalty, zero_infinity=zero_infinity)
  simple = simple_edges(am, lm, labels, *lengths, blank=blank, lm_only=lm_only, am_only=am_only)
  size = min(window, grid[2])
  _, taken = posteriors(jax.lax.stop_gradient(simple), *lengths)
  start = band.window_starts(taken, *lengths, size)
  tiles = _frames(frame_lengths, start)
  visit = Visit(joint_fn, blank, None, 1, size, max(1, chunk_nodes // size))
  by_tile, _ = tile_edges(visit, params, encoded, predicted, labels, tiles)
  index = _first(frame_lengths)[:, None] + jnp.arange(grid[1])
  pruned = Edges(*(band.by_node(x.at[index, 0].get(mode="clip"), start, grid[2]) for x in by_tile))
  return PrunedLoss(
    lattice_loss(simple, *lengths, **emission), lattice_loss(pruned, *lengths, **emission)
  )


def warm_up(
  step: int | Int[Array, ""], steps: int, *, simple: float = 0.5
) -> tuple[Float[Array, ""], Float[Array, ""]]:
  """Weights of (simple, pruned) loss: from (1, 0.1) to (`simple`, 1) over the first `steps`.

  The windows mean nothing before the simple loss has learned; after that it is an auxiliary task.
  """
  done = jnp.clip(step / steps, 0.0, 1.0)
  return 1.0 - done * (1.0 - simple), 0.1 + 0.9 * done


def smallest_window(frames: int, labels: int) -> int:
  """The least S with (S - 1) * frames >= labels: below it no alignment fits into the windows."""
  return 1 + -(-labels // max(frames, 1))


def _frames(frame_lengths: Int[Array, "B"], start: Int[Array, "B T"]) -> Tiles:
  """The frames inside the lengths, one tile each."""
  batch, frames = start.shape
  first = _first(frame_lengths)
  k = jnp.arange(batch * frames)
  b = jnp.sum(k[:, None] >= first[1:], axis=-1)
  t = jnp.minimum(k - first[b], frames - 1)
  return Tiles(b, t, start[b, t], jnp.sum(frame_lengths))


def _first(frame_lengths: Int[Array, "B"]) -> Int[Array, "B"]:
  return jnp.cumsum(frame_lengths) - frame_lengths


def _check_window(window: int, frame_lengths: Array, label_lengths: Array) -> None:
  if window < 2:
    raise ValueError(f"window is {window}, expected at least 2: one node per frame emits no label")
  if isinstance(frame_lengths, jax.core.Tracer) or isinstance(label_lengths, jax.core.Tracer):
    return
  for b, (t, u) in enumerate(
    zip(np.asarray(frame_lengths), np.asarray(label_lengths), strict=True)
  ):
    if t and (window - 1) * t < u:
      raise ValueError(
        f"window is {window}: utterance {b} has {u} labels in {t} frames, and windows of {window} "
        f"nodes admit {(window - 1) * t}; it needs a window of {smallest_window(int(t), int(u))}"
      )
