"""Planned batches -> arrays of static shape, read ahead by grain; and the plain batches of an
evaluation.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import grain
import numpy as np
from jaxtyping import Float32, Int32

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs.alignment import UNKNOWN, align
from edge_rnnt.inputs.augmentation import NOTHING, Augment, Surroundings
from edge_rnnt.inputs.buckets import Bucket, bucket_of
from edge_rnnt.inputs.dataset import Example
from edge_rnnt.inputs.plan import BatchPlan, PlannedBatch
from edge_rnnt.inputs.prepared import (
  Prepared,
  fewest_samples,
  frames_needed,
  most_samples,
)


@dataclasses.dataclass(frozen=True)
class Batch:
  """Padded utterances. Beyond a length everything is zero; rows beyond len(ids) are empty (both
  lengths 0).
  """

  features: Float32[np.ndarray, "B T F"]
  frame_lengths: Int32[np.ndarray, "B"]
  labels: Int32[np.ndarray, "B U"]
  label_lengths: Int32[np.ndarray, "B"]
  ids: list[str]
  alignment: Int32[np.ndarray, "B T"]
  """What each frame says, as inputs/alignment.py defines it; UNKNOWN where nobody knows."""

  @property
  def arrays(self) -> tuple[np.ndarray, ...]:
    """What a train step takes, in its order."""
    return (
      self.features, self.frame_lengths, self.labels, self.label_lengths, self.alignment
    )  # fmt: skip


class Row(NamedTuple):
  """One utterance of a batch."""

  features: Float32[np.ndarray, "T F"]
  alignment: Int32[np.ndarray, "T"] | None = None


class LoadBatch(grain.transforms.RandomMap):
  """Reads, disturbs and pads the utterances of a planned batch.

  Each utterance draws from its own generator, made of the batch's random number and its position in
  the global batch, so threads and process shards change nothing. Raises ValueError if a stage wants
  rooms and `surroundings` has none.
  """

  def __init__(
    self,
    plan: BatchPlan,
    front_end: FrontEnd,
    *,
    surroundings: Surroundings = NOTHING,
    time_reduction: int = 2,
  ):
    roomy = [stage.name for stage in plan.stages if stage.augment.room_share]
    if roomy and not surroundings.rooms:
      raise ValueError(
        f"stage {roomy[0]!r} puts speech into rooms, but no impulse response was given: give some, "
        "or set room_share to 0"
      )
    self._plan = plan
    self._front_end = front_end
    self._surroundings = surroundings
    self._time_reduction = time_reduction

  def random_map(self, planned: PlannedBatch, rng: np.random.Generator) -> Batch:
    draw = int(rng.integers(2**63))
    source, bucket = self._plan.sources[planned.source], self._plan.buckets[planned.bucket]
    augment = self._plan.stages[planned.stage].augment
    rows = []
    for item, position in zip(planned.items, planned.positions, strict=True):
      own = np.random.Generator(np.random.Philox(key=[draw, position]))
      rows.append(self._row(source, item, bucket, augment, own))
    return pad(source, planned.items, rows, bucket, len(rows))

  def _row(
    self,
    source: Prepared,
    item: int,
    bucket: Bucket,
    augment: Augment,
    rng: np.random.Generator,
  ) -> Row:
    front_end = self._front_end
    example = source.source[int(source.index[item])]
    needed = frames_needed(source.labels[item], self._time_reduction)
    bounds = (fewest_samples(front_end, needed), most_samples(front_end, bucket.frames))
    samples = augment.disturb_samples(
      example.samples, front_end.sample_rate, self._surroundings, bounds, rng
    )
    features = augment.disturb_features(front_end.features(samples), front_end, rng)
    faster = len(example.samples) / max(1, len(samples))
    return Row(features, self._alignment(example, source.labels[item], len(features), faster))

  def _alignment(
    self, example: Example, labels: np.ndarray, frames: int, faster: float
  ) -> Int32[np.ndarray, "T"] | None:
    """Known only where the words' places are, and every word is one label."""
    if example.words is None or len(example.words) != len(labels):
      return None
    scale = 1 / (faster * self._front_end.sample_rate * self._front_end.frame_seconds)
    spans = [(begin * scale, end * scale) for begin, end in example.words]
    return align(spans, labels.tolist(), frames)


def train_batches(
  plan: BatchPlan, load: LoadBatch, *, seed: int, start: int = 0, threads: int = 1, ahead: int = 4
) -> grain.DatasetIterator:
  """An iterator over batches start, start + 1, .. of the plan, read ahead by threads.

  Its get_state() is {"next_index": n}; grain.checkpoint saves it, or call this again with `start`
  at the next step.
  """
  batches = grain.MapDataset.source(plan).seed(seed).random_map(load)
  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead if threads else 0)
  iterator = iter(batches.to_iter_dataset(options))
  grain.experimental.set_next_index(iterator, start)
  return iterator


def evaluation_batches(
  prepared: Prepared, front_end: FrontEnd, buckets: Sequence[Bucket]
) -> Iterator[Batch]:
  """Every utterance exactly once, undisturbed, shortest first; a bucket's last batch may end in
  empty rows.
  """
  member_of = bucket_of(prepared.frames, prepared.label_counts, buckets)
  for number, bucket in enumerate(buckets):
    members = np.flatnonzero(member_of == number)
    members = members[np.argsort(prepared.frames[members], kind="stable")]
    for begin in range(0, len(members), bucket.size):
      items = tuple(members[begin : begin + bucket.size].tolist())
      rows = [
        Row(front_end.features(prepared.source[int(prepared.index[item])].samples))
        for item in items
      ]
      yield pad(prepared, items, rows, bucket, bucket.size)


def pad(
  source: Prepared,
  items: Sequence[int],
  rows: Sequence[Row],
  bucket: Bucket,
  size: int,
) -> Batch:
  """Rows and their labels in a bucket's shape, `size` rows.

  Raises ValueError for an utterance longer than was planned (its file changed, or its manifest
  lied).
  """
  dim = rows[0].features.shape[1]
  features = np.zeros((size, bucket.frames, dim), np.float32)
  labels = np.zeros((size, bucket.labels), np.int32)
  alignment = np.full((size, bucket.frames), UNKNOWN, np.int32)
  lengths = np.zeros((2, size), np.int32)
  for row, (item, (frames, aligned)) in enumerate(zip(items, rows, strict=True)):
    if len(frames) > bucket.frames:
      raise ValueError(
        f"{source.id(item)} has {len(frames)} frames, planned were {source.frames[item]} and "
        f"at most {bucket.frames}: its recording is longer than its manifest says"
      )
    target = source.labels[item]
    features[row, : len(frames)] = frames
    if aligned is not None:
      alignment[row, : len(frames)] = aligned
    labels[row, : len(target)] = target
    lengths[:, row] = len(frames), len(target)
  ids = [source.id(item) for item in items]
  return Batch(features, lengths[0], labels, lengths[1], ids, alignment)
