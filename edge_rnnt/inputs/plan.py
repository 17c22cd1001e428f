"""Which utterances make up batch i: a pure function of (sources, stages, buckets, seed, i).

Training resumes at step i by asking for batch i: nothing is replayed, nothing is skipped, on any
number of processes.
"""

import copy
import dataclasses
import functools
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from edge_rnnt.inputs.augmentation import Augment
from edge_rnnt.inputs.buckets import Bucket, bucket_of
from edge_rnnt.inputs.prepared import Prepared


@dataclasses.dataclass(frozen=True)
class Stage:
  """A stretch of training: how many batches, the share of each source, and the disturbance of its
  audio.
  """

  name: str
  batches: int
  weights: Mapping[str, float | int]
  augment: Augment = dataclasses.field(default_factory=Augment)


@dataclasses.dataclass(frozen=True)
class PlannedBatch:
  """Global batch `index`, or one process's rows of it: items of a source, and their positions in
  the global batch.
  """

  index: int
  stage: int
  source: str
  bucket: int
  items: tuple[int, ...]
  positions: tuple[int, ...]


class BatchPlan:
  """Random access to the batches of all stages. Every batch comes from one source and one bucket.

  A source is gone through epoch by epoch, across stages: each epoch holds each of its utterances
  once (its last batch is filled up with others), near lengths together, in a new order. Within a
  stage the sources alternate at their exact shares. Process p of P gets rows p::P of every batch.
  Raises ValueError for impossible plans.
  """

  def __init__(
    self,
    sources: Mapping[str, Prepared],
    stages: Sequence[Stage],
    buckets: Sequence[Bucket],
    *,
    seed: int,
    process: int = 0,
    processes: int = 1,
  ):
    _check(sources, stages, buckets, process, processes)
    self.stages, self.buckets = tuple(stages), tuple(buckets)
    self.sources = dict(sources)
    self._seed, self._process, self._processes = seed, process, processes
    self._names = sorted(sources)
    self._stage = np.repeat(np.arange(len(stages)), [stage.batches for stage in stages])
    self._source = np.concatenate(
      [_interleave(stage, self._names, seed, number) for number, stage in enumerate(stages)]
    )
    # _turn[i]: how many batches of the same source come before batch i.
    self._turn = np.zeros(len(self._source), np.int64)
    for number in range(len(self._names)):
      mine = self._source == number
      self._turn[mine] = np.arange(mine.sum())
    self._bucket_of = {
      name: bucket_of(each.frames, each.label_counts, buckets) for name, each in sources.items()
    }
    self._epoch = functools.lru_cache(maxsize=2 * len(self._names))(self._epoch_batches)

  def __len__(self) -> int:
    return len(self._source)

  def __getitem__(self, index: int) -> PlannedBatch:
    name = self._names[self._source[index]]
    epoch, turn = divmod(int(self._turn[index]), self.batches_per_epoch(name))
    bucket, items = self._epoch(name, epoch)[turn]
    positions = range(self._process, len(items), self._processes)
    return PlannedBatch(
      int(index),
      int(self._stage[index]),
      name,
      bucket,
      tuple(int(items[each]) for each in positions),
      tuple(positions),
    )

  def of_all_processes(self) -> "BatchPlan":
    """The same batches with all of their rows."""
    plan = copy.copy(self)
    plan._process, plan._processes = 0, 1
    return plan

  def batches_per_epoch(self, name: str) -> int:
    """Batches in which each utterance of a source comes once."""
    members = np.bincount(self._bucket_of[name])
    batches, carried = 0, 0
    for count, bucket in zip(members, self._used_buckets(name), strict=True):
      full, carried = divmod(int(count) + carried, bucket.size)
      batches += full
    return batches + (carried > 0)

  def padding_share(self, batches: int | None = None) -> float:
    """Share of the padded frames of the first `batches` (default: all) that are padding, before
    augmentation.
    """
    real = padded = 0
    for index in range(len(self) if batches is None else min(batches, len(self))):
      planned = self[index]
      real += int(self.sources[planned.source].frames[list(planned.items)].sum())
      padded += self.buckets[planned.bucket].frames * len(planned.items)
    return 1.0 - real / padded

  def __getstate__(self) -> dict:
    return {key: value for key, value in self.__dict__.items() if key != "_epoch"}

  def __setstate__(self, state: dict) -> None:
    self.__dict__.update(state)
    self._epoch = functools.lru_cache(maxsize=2 * len(self._names))(self._epoch_batches)

  def _used_buckets(self, name: str) -> tuple[Bucket, ...]:
    return self.buckets[: int(self._bucket_of[name].max()) + 1]

  def _epoch_batches(self, name: str, epoch: int) -> list[tuple[int, Int[np.ndarray, "size"]]]:
    rng = np.random.default_rng([self._seed, zlib.crc32(name.encode()), epoch])
    frames, member_of = self.sources[name].frames, self._bucket_of[name]
    batches, carried = [], np.zeros(0, np.int64)
    for number, bucket in enumerate(self._used_buckets(name)):
      items = np.concatenate([carried, np.flatnonzero(member_of == number)])
      # Near lengths together, but not the same neighbours every epoch.
      items = items[np.argsort(frames[items] * rng.uniform(0.9, 1.1, len(items)))]
      full = len(items) // bucket.size * bucket.size
      batches += [(number, each) for each in items[:full].reshape(-1, bucket.size)]
      carried = items[full:]  # the longest move up to the next bucket
    if len(carried):
      top = int(member_of.max())
      batches.append((top, _fill(carried, len(frames), self.buckets[top].size, rng)))
    return [batches[each] for each in rng.permutation(len(batches))]


def _fill(
  items: Int[np.ndarray, "n"], count: int, size: int, rng: np.random.Generator
) -> Int[np.ndarray, "size"]:
  """Items 0..count-1 added to `items` up to a full batch, without repeating any while that is
  possible.
  """
  others = rng.permutation(np.setdiff1d(np.arange(count), items))[: size - len(items)]
  rest = rng.choice(items, size - len(items) - len(others))
  return np.concatenate([items, others, rest])


def _interleave(
  stage: Stage, names: Sequence[str], seed: int, number: int
) -> Int[np.ndarray, "batches"]:
  """The source of each batch of a stage: exact shares (largest remainders), evenly spread, jittered
  by the seed.
  """
  weights = np.array([stage.weights.get(name, 0.0) for name in names])
  exact = weights / weights.sum() * stage.batches
  counts = np.floor(exact).astype(int)
  counts[np.argsort(counts - exact, kind="stable")[: stage.batches - counts.sum()]] += 1
  rng = np.random.default_rng([seed, 0x57A6E, number])
  when = np.concatenate(
    [(np.arange(count) + rng.random(count)) / max(count, 1) for count in counts]
  )
  return np.repeat(np.arange(len(names)), counts)[np.argsort(when, kind="stable")]


def _check(sources, stages, buckets, process: int, processes: int) -> None:
  if not sources or not stages or not buckets:
    raise ValueError("a plan needs at least one source, one stage and one bucket")
  for name, source in sources.items():
    if not len(source):
      raise ValueError(
        f"source {name!r} has no utterance left: see the reports of what was left out"
      )
  for stage in stages:
    unknown = sorted(set(stage.weights) - set(sources))
    if unknown:
      raise ValueError(
        f"stage {stage.name!r} weighs unknown sources {', '.join(unknown)}; "
        f"there are {', '.join(sorted(sources))}"
      )
    if (
      stage.batches < 1
      or min(stage.weights.values(), default=0) < 0
      or not sum(stage.weights.values()) > 0
    ):
      raise ValueError(
        f"stage {stage.name!r} has {stage.batches} batches and weights {dict(stage.weights)}: "
        "expected one batch or more, no negative weight and a positive sum"
      )
  if not 0 <= process < processes:
    raise ValueError(f"process {process} of {processes}: expected 0 <= process < processes")
  for bucket in buckets:
    if bucket.size % processes:
      raise ValueError(
        f"{bucket} cannot be shared by {processes} processes: make its size a multiple"
      )
