"""The fixture language can be told apart by its spectrum, and is the same every time."""

import numpy as np

from data.tones import CHORDS, tone_source


def heard(samples, rate=8000):
  """The chord with the most energy near its two tones: a recognizer of single words."""
  power = np.abs(np.fft.rfft(samples, 1 << 14)) ** 2
  hertz = np.fft.rfftfreq(1 << 14, 1 / rate)

  def energy(tone):
    return power[np.abs(hertz / tone - 1) < 0.08].max()

  return max(CHORDS, key=lambda word: np.prod([energy(tone) for tone in CHORDS[word]]))


def test_words_can_be_told_apart():
  source = tone_source(60, seed=1, most=1)
  assert [heard(source[n].samples) for n in range(60)] == [source.text(n) for n in range(60)]


def test_same_seed_same_speech():
  one, same, other = tone_source(5, seed=1), tone_source(5, seed=1), tone_source(5, seed=2)
  for number in range(5):
    np.testing.assert_array_equal(one[number].samples, same[number].samples)
  assert any(len(one[n].samples) != len(other[n].samples) for n in range(5))
  assert {len(tone_source(40, seed=3).text(n).split()) for n in range(40)} == {1, 2, 3, 4}
