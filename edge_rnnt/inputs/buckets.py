"""A few static shapes for utterances of all lengths, chosen so that the least is padding."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from edge_rnnt.inputs.prepared import Prepared

# Bounds are multiples of this, so that lengths that hardly differ share a bound (and a compiled
# program).
ROUND_FRAMES = 8


@dataclasses.dataclass(frozen=True)
class Bucket:
  """A static shape: `size` utterances (over all processes) of at most `frames` stacked frames and
  `labels` labels.
  """

  frames: int
  labels: int
  size: int


def choose_buckets(
  sources: Sequence[Prepared],
  *,
  shares: Sequence[float | int] | None = None,
  count: int = 3,
  batch_size: int = 16,
  frame_budget: int | None = None,
  multiple: int = 1,
) -> tuple[Bucket, ...]:
  """At most `count` buckets with the smallest expected padding, shortest first.

  shares: how much each source is used, in utterances (default: each utterance alike). With a
  frame_budget (padded frames a batch) shorter buckets hold more utterances, at least batch_size;
  sizes are multiples of `multiple` (the number of processes). Raises ValueError if there is nothing
  to choose from.
  """
  if not sources or not all(len(each) for each in sources):
    raise ValueError("a source has no utterance left: see the reports of what was left out")
  if count < 1 or batch_size < 1 or batch_size % multiple:
    raise ValueError(
      f"count is {count} and batch_size {batch_size}: expected 1 or more, and batch_size "
      f"a multiple of {multiple}"
    )
  shares = shares or [len(each) for each in sources]
  frames = np.concatenate([each.frames for each in sources])
  labels = np.concatenate([each.label_counts for each in sources])
  weights = np.concatenate(
    [np.full(len(each), share / len(each)) for each, share in zip(sources, shares, strict=True)]
  )
  bounds = _least_padding(-(-frames // ROUND_FRAMES) * ROUND_FRAMES, weights, count)
  buckets = []
  for bound in bounds:
    size = batch_size if frame_budget is None else max(batch_size, frame_budget // bound)
    # The bound on labels is over everything that short, not over this bucket alone: leftovers of
    # shorter buckets join longer ones.
    buckets.append(Bucket(bound, int(labels[frames <= bound].max()), size // multiple * multiple))
  return tuple(buckets)


def bucket_of(
  frames: Int[np.ndarray, "n"], labels: Int[np.ndarray, "n"], buckets: Sequence[Bucket]
) -> Int[np.ndarray, "n"]:
  """The first bucket that holds each utterance; ValueError if none does."""
  fitting = np.array(
    [(frames <= each.frames) & (labels <= each.labels) for each in buckets], dtype=bool
  )
  if not fitting.any(axis=0).all():
    worst = int(np.argmin(fitting.any(axis=0)))
    raise ValueError(
      f"an utterance of {frames[worst]} frames and {labels[worst]} labels is in no bucket; "
      f"the longest is {buckets[-1]}: choose the buckets from all sources that are batched"
    )
  return np.argmax(fitting, axis=0)


def _least_padding(
  rounded: Int[np.ndarray, "n"], weights: Float[np.ndarray, "n"], count: int
) -> list[int]:
  """Bounds b_1 < .. < b_k = max, k <= count, that minimize the weighted sum of each length's bound
  (exactly).

  cost(j, k): lengths up to candidate j under k bounds, the last at j
            = min over i < j of cost(i, k - 1) + candidate_j * weight of (i, j]
  """
  candidates = np.unique(rounded)
  weight_below = np.array([0.0] + [weights[rounded <= bound].sum() for bound in candidates])
  size = len(candidates)
  cost = np.full((count + 1, size + 1), np.inf)
  cost[:, 0] = 0.0
  last = np.zeros((count + 1, size + 1), int)
  for k in range(1, count + 1):
    for j in range(1, size + 1):
      options = cost[k - 1, :j] + candidates[j - 1] * (weight_below[j] - weight_below[:j])
      last[k, j] = int(np.argmin(options))
      cost[k, j] = options[last[k, j]]
  bounds, j, k = [], size, count
  while j > 0:
    bounds.append(int(candidates[j - 1]))
    j, k = int(last[k, j]), k - 1
  return bounds[::-1]
