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


def test_impossible_settings(digits):
  with pytest.raises(ValueError, match="most is 0"):
    JoinedStrings(digits, most=0)
  with pytest.raises(ValueError, match="shortest <= longest"):
    JoinedStrings(digits, pause=(0.3, 0.1))
