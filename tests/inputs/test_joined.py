"""Digit strings: deterministic, of one speaker, every recording once a pass, lengths known."""

import collections

import numpy as np
import pytest

from edge_rnnt.inputs.dataset import MemorySource
from edge_rnnt.inputs.joined import JoinedStrings

RATE = 8000


@pytest.fixture(scope="module")
def digits():
  rng = np.random.default_rng(0)
  samples = [
    rng.integers(1, 1000, int(rng.integers(800, 4000))).astype(np.int16) for _ in range(60)
  ]
  texts = [str(n % 10) for n in range(60)]
  speakers = ["anna" if n < 25 else "bert" for n in range(60)]
  return MemorySource(samples, texts, speakers, [f"d{n}" for n in range(60)], RATE)


def test_each_pass_deals_every_recording_once(digits):
  strings = JoinedStrings(digits, most=8, passes=3, seed=1)
  uses = collections.Counter(part for n in range(len(strings)) for part in strings.parts(n))
  assert uses == {n: 3 for n in range(60)}
  lengths = {len(strings.parts(n)) for n in range(len(strings))}
  assert lengths <= set(range(1, 9)) and len(lengths) > 4


def test_a_string_is_its_parts_with_silence_between(digits):
  strings = JoinedStrings(digits, most=5, pause=(0.1, 0.2), seed=2)
  for n in range(len(strings)):
    parts = strings.parts(n)
    example = strings[n]
    assert {digits.speaker(part) for part in parts} == {example.speaker}
    assert example.text == " ".join(digits.text(part) for part in parts)
    assert len(example.samples) == round(strings.seconds(n) * RATE)
    # The recordings have no zero sample, so what is not zero is the recordings in order.
    spoken = np.concatenate([digits[part].samples for part in parts])
    np.testing.assert_array_equal(example.samples[example.samples != 0], spoken)
    silence = (len(example.samples) - len(spoken)) / RATE
    assert 0.1 * (len(parts) + 1) - 0.01 <= silence <= 0.2 * (len(parts) + 1)


def test_the_seed_decides_alone(digits):
  first, again, other = (JoinedStrings(digits, passes=2, seed=seed) for seed in (3, 3, 4))
  assert [first.parts(n) for n in range(len(first))] == [again.parts(n) for n in range(len(again))]
  np.testing.assert_array_equal(first[5].samples, again[5].samples)
  assert [first.parts(n) for n in range(9)] != [other.parts(n) for n in range(9)]
  assert first.parts(0) != first.parts(len(first) // 2)  # passes differ, too


def test_long_form_is_as_long_as_was_asked(digits):
  """25 and 35 recordings of 0.1-0.5 s: strings of 4 to 6, unless 1.5 s are over before."""
  free = JoinedStrings(digits, least=4, most=6, seed=5)
  counts = [len(free.parts(n)) for n in range(len(free))]
  assert {4, 5, 6} <= set(counts) and sum(count < 4 for count in counts) <= 2  # one a speaker
  bound = JoinedStrings(digits, least=4, most=6, longest=1.5, seed=5)
  uses = collections.Counter(part for n in range(len(bound)) for part in bound.parts(n))
  assert uses == {n: 1 for n in range(60)}
  spoken = [sum(map(digits.seconds, bound.parts(n))) for n in range(len(bound))]
  assert max(spoken) <= 1.5 < max(sum(map(digits.seconds, free.parts(n))) for n in range(len(free)))
  for n in range(len(bound) - 1):
    if bound.speaker(n) == bound.speaker(n + 1) and len(bound.parts(n)) < 4:
      assert spoken[n] + digits.seconds(bound.parts(n + 1)[0]) > 1.5  # the next had no room


def test_a_recording_longer_than_the_bound_stands_alone(digits):
  strings = JoinedStrings(digits, least=2, most=3, longest=0.05)
  assert [len(strings.parts(n)) for n in range(len(strings))] == [1] * 60


def test_impossible_settings(digits):
  with pytest.raises(ValueError, match="most is 0"):
    JoinedStrings(digits, most=0)
  with pytest.raises(ValueError, match="least is 5, most is 4"):
    JoinedStrings(digits, least=5, most=4)
  with pytest.raises(ValueError, match="shortest <= longest"):
    JoinedStrings(digits, pause=(0.3, 0.1))
