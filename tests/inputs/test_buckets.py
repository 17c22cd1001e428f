"""Bounds are the best there are, hold everything, and bound labels as well."""

import itertools

import numpy as np
import pytest

from edge_rnnt.inputs.buckets import ROUND_FRAMES, Bucket, bucket_of, choose_buckets


def padded(bounds, frames):
  return sum(min(bound for bound in bounds if bound >= length) for length in frames)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_no_other_bounds_pad_less(sources, count):
  frames = np.concatenate([each.frames for each in sources.values()])
  chosen = [each.frames for each in choose_buckets(list(sources.values()), count=count)]
  candidates = sorted({-(-int(length) // ROUND_FRAMES) * ROUND_FRAMES for length in frames})
  others = ((*some, candidates[-1]) for some in itertools.combinations(candidates[:-1], count - 1))
  assert padded(chosen, frames) == min(padded(bounds, frames) for bounds in others)


def test_a_source_that_is_used_more_decides(sources):
  longer = choose_buckets(list(sources.values()), shares=[9.0, 1.0], count=2)
  shorter = choose_buckets(list(sources.values()), shares=[1.0, 9.0], count=2)
  assert longer[0].frames > shorter[0].frames and longer[1] == shorter[1]


def test_every_utterance_has_a_bucket_and_every_shorter_one_would_fit(sources):
  buckets = choose_buckets(list(sources.values()), count=3)
  for each in sources.values():
    place = bucket_of(each.frames, each.label_counts, buckets)
    bounds = np.array([[bucket.frames, bucket.labels] for bucket in buckets])
    assert (each.frames <= bounds[place, 0]).all() and (each.label_counts <= bounds[place, 1]).all()
    for bucket in buckets:
      assert each.label_counts[each.frames <= bucket.frames].max(initial=0) <= bucket.labels


def test_a_frame_budget_fills_short_buckets_with_more(sources):
  buckets = choose_buckets(
    list(sources.values()), count=3, batch_size=4, frame_budget=800, multiple=4
  )
  assert buckets[0].size > buckets[-1].size >= 4
  for bucket in buckets:
    assert bucket.size % 4 == 0 and (bucket.size == 4 or bucket.size * bucket.frames <= 800)


def test_errors_name_what_does_not_fit(sources):
  with pytest.raises(ValueError, match="an utterance of 50 frames and 3 labels is in no bucket"):
    bucket_of(np.array([9, 50]), np.array([1, 3]), [Bucket(40, 5, 4)])
  with pytest.raises(ValueError, match="a multiple of 3"):
    choose_buckets(list(sources.values()), batch_size=16, multiple=3)
