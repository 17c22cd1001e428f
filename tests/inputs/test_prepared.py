"""Frames known without audio are the front end's; labels that do not fit are dropped by name."""

import numpy as np
import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs.dataset import MemorySource
from edge_rnnt.inputs.prepared import (
  count_frames,
  fewest_samples,
  fits,
  frames_needed,
  keep_fitting,
  most_samples,
  prepare,
)

RATE = 8000


@pytest.mark.parametrize("tail", [0.0, 0.25])
def test_counted_frames_are_the_front_ends(tail):
  front_end = FrontEnd(sample_rate=RATE, num_mels=10, tail_seconds=tail)
  for samples in [*range(200, 1500, 37), 8000, 24001]:
    frames = len(front_end.features(np.zeros(samples, np.float32)))
    assert count_frames(front_end, samples) == frames
    least, most = fewest_samples(front_end, frames), most_samples(front_end, frames)
    assert least <= samples <= most
    assert count_frames(front_end, most) == frames < count_frames(front_end, most + 1)
    assert count_frames(front_end, least) == frames
    assert least == 1 or count_frames(front_end, least - 1) < frames


def test_labels_need_a_frame_each_and_one_between_equal_neighbours():
  for labels, encoder_frames in [([3], 1), ([3, 4], 2), ([3, 3], 3), ([3, 3, 4, 4, 4], 8)]:
    labels = np.array(labels, np.int32)
    needed = frames_needed(labels, 2)
    assert -(-needed // 2) == encoder_frames  # time reduction by two, odd tails kept
    assert fits(needed, labels) and not fits(needed - 1, labels)
  assert not fits(100, np.array([], np.int32))


def test_what_does_not_fit_is_dropped_by_name(front_end, sources):
  class Doubled:
    def encode(self, text):
      return [0] * (8 * len(text.split()))  # 15 encoder frames of 60 ms for every 0.3 s

  prepared = prepare(sources["orders"].source, front_end, Doubled())
  short = prepare(
    MemorySource([np.ones(8000, np.int16)], ["one"], [""], ["fine"], RATE), front_end, Doubled()
  )
  kept, report = keep_fitting(prepared)
  assert len(kept) == 0 and report.accepted == 0
  assert report.counts == {"labels do not fit the frames": 53}
  assert report.rejected[0].path == "o0"
  assert f"{8 * len(prepared.source.text(0).split())} labels in " in report.rejected[0].detail
  assert keep_fitting(short)[1].rejected == ()


def test_kept_items_still_point_at_their_own_utterance(front_end, sources):
  class OddOnesEmpty:
    def encode(self, text):
      return [] if len(text) % 2 else [len(text)]

  prepared = prepare(sources["orders"].source, front_end, OddOnesEmpty())
  kept, report = keep_fitting(prepared)
  assert 0 < len(kept) < 53 and len(kept) + len(report.rejected) == 53
  for item in range(len(kept)):
    example = kept.source[int(kept.index[item])]
    assert kept.labels[item].tolist() == [len(example.text)]
    assert kept.id(item) == example.id
    assert kept.frames[item] == count_frames(front_end, len(example.samples))


def test_rates_must_agree(sources):
  class Words:
    def encode(self, text):
      return [0] * len(text.split())

  with pytest.raises(ValueError, match="source is at 8000 Hz and the front end expects 16000 Hz"):
    prepare(sources["orders"].source, FrontEnd(sample_rate=16000), Words())
