"""Alignments in batches: they follow the speed of the audio, and are unknown where nobody knows."""

import numpy as np

from data.tones import tone_source
from edge_rnnt.inputs.alignment import BETWEEN, UNKNOWN, align
from edge_rnnt.inputs.augmentation import Augment
from edge_rnnt.inputs.batching import LoadBatch, train_batches
from edge_rnnt.inputs.buckets import choose_buckets
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.plan import BatchPlan, Stage
from edge_rnnt.inputs.prepared import prepare

LABELS = {"do": 0, "re": 1, "mi": 2, "fa": 3}


class WordIds:
  def encode(self, text: str) -> list[int]:
    return [LABELS[word] for word in text.split()]


def first_batch(source, front_end, speed: float):
  prepared = prepare(source, front_end, WordIds())
  buckets = choose_buckets([prepared], count=1, batch_size=4)
  stage = Stage("only", 3, {"only": 1.0}, Augment(speed=(speed, speed)))
  plan = BatchPlan({"only": prepared}, [stage], buckets, seed=0)
  batch = next(iter(train_batches(plan, LoadBatch(plan, front_end), seed=0, threads=0)))
  return batch, [source[int(prepared.index[item])] for item in plan[0].items]


def test_words_are_where_the_played_audio_has_them(front_end):
  source = JoinedStrings(tone_source(30, seed=1, most=1), most=3)
  for speed in (1.0, 1.25):
    batch, examples = first_batch(source, front_end, speed)
    for row, example in enumerate(examples):
      frames = int(batch.frame_lengths[row])
      scale = 1 / (speed * front_end.sample_rate * front_end.frame_seconds)
      spans = [(begin * scale, end * scale) for begin, end in example.words]
      expected = align(spans, WordIds().encode(example.text), frames)
      # Resampling rounds the length of the audio, so a boundary may move by one frame.
      assert np.mean(batch.alignment[row, :frames] != expected) < 0.1
      assert (batch.alignment[row, frames:] == UNKNOWN).all()
      assert (batch.alignment[row, :frames] != BETWEEN).any()


def test_unknown_without_boundaries(front_end):
  batch, _ = first_batch(tone_source(12, seed=2), front_end, 1.0)
  assert (batch.alignment == UNKNOWN).all()
