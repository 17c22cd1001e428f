"""The rule, where its answers are known."""

import numpy as np
import pytest

from edge_rnnt.device.transcribe.endpoint import PATIENCE, SILENCE, Endpointing, quietest


def test_needed_pause_shrinks_from_longest_to_twice_that():
  rule = Endpointing(pause=0.8, longest=30.0)
  assert [rule.needed(length) for length in (0.0, 30.0, 45.0, 60.0, 100.0)] == [
    0.8,
    0.8,
    0.4,
    0.0,
    0.0,
  ]


@pytest.mark.parametrize(
  ("length", "unspoken", "quiet", "ends"),
  [
    (5, 0.8, 0.8, True),
    (5, 0.8, 0.7, False),  # a word is still being said
    (5, 0.7, 0.8, False),  # a word has just been recognized
    (5, PATIENCE * 0.8, 0, True),  # noise that never ends
    (5, PATIENCE * 0.8 - 0.01, 0, False),
    (45, 0.4, 0.4, True),
    (60, 0, 0, True),
    (4.9, 4.9, 4.9, False),  # nothing said yet
    (SILENCE, SILENCE, 0, True),
  ],
)
def test_an_utterance_ends_after_a_pause(length, unspoken, quiet, ends):
  assert (
    Endpointing(pause=0.8, longest=30.0).ends(float(length), float(unspoken), float(quiet)) is ends
  )


def test_pause_0_never_ends_one():
  assert not Endpointing(pause=0.0).ends(1e6, 1e5, 1e5)


@pytest.mark.parametrize("wrong", [{"pause": -1.0}, {"pause": float("nan")}, {"longest": 0.0}])
def test_times_that_are_none_are_refused(wrong):
  with pytest.raises(ValueError, match=f"{next(iter(wrong))} is a"):
    Endpointing(**wrong)


def test_quietest_moment_is_amid_the_window_of_least_energy():
  samples = np.ones(1000, np.float32)
  samples[400:460] = 0.1  # one window of 50 samples at 1 kHz, and a bit
  assert 425 <= quietest(samples, 1000) <= 435
  assert quietest(np.zeros(1000, np.float32), 1000) == 975  # the last of equals
  assert quietest(np.ones(20, np.float32), 1000) == 20


@pytest.mark.parametrize("seed", range(5))
def test_quietest_moment_is_that_of_a_search_window_by_window(seed):
  samples = np.random.default_rng(seed).standard_normal(300).astype(np.float32)
  energies = [np.square(samples[begin : begin + 50]).sum() for begin in range(251)]
  assert quietest(samples, 1000) == int(np.argmin(energies)) + 25
