"""Parts of a source keep their names and sound; the telephone changes the sound alone."""

import numpy as np
import pytest

from edge_rnnt.audio.augment import telephone_band
from edge_rnnt.inputs.dataset import MemorySource, Source
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.views import Chain, Excerpt, Excerpts, Selection, Telephone

RATE = 8000


@pytest.fixture(scope="module")
def digits():
  rng = np.random.default_rng(0)
  samples = [rng.normal(0, 3000, 1500 + 100 * n).astype(np.int16) for n in range(12)]
  texts, speakers = [f"w{n}" for n in range(12)], [f"s{n % 2}" for n in range(12)]
  return MemorySource(samples, texts, speakers, [f"d{n}" for n in range(12)], RATE)


def test_a_selection_is_what_was_selected(digits):
  chosen = Selection(digits, [7, 2, 7])
  assert isinstance(chosen, Source) and len(chosen) == 3 and chosen.sample_rate == RATE
  for index, item in enumerate((7, 2, 7)):
    assert chosen[index].id == chosen.id(index) == f"d{item}"
    assert (chosen.text(index), chosen.speaker(index)) == (f"w{item}", f"s{item % 2}")
    assert chosen.seconds(index) == digits.seconds(item)
    np.testing.assert_array_equal(chosen[index].samples, digits[item].samples)


def test_nothing_selected_is_an_error(digits):
  with pytest.raises(ValueError, match="a selection of no utterance"):
    Selection(digits, [])


def test_excerpts_are_heard_where_they_lie(digits):
  words = [Excerpt(3, 0.0, 0.05, "begins"), Excerpt(3, 0.05, 0.125, "ends"),
           Excerpt(8, 0.1, 0.2, "other")]  # fmt: skip
  chosen = Excerpts(digits, words)
  assert isinstance(chosen, Source) and len(chosen) == 3 and chosen.sample_rate == RATE
  for index, (item, begin, end) in enumerate([(3, 0, 400), (3, 400, 1000), (8, 800, 1600)]):
    example = chosen[index]
    np.testing.assert_array_equal(example.samples, digits[item].samples[begin:end])
    assert example.text == chosen.text(index) == words[index].text
    assert example.speaker == chosen.speaker(index) == digits.speaker(item)
    assert example.id == chosen.id(index)
    assert chosen.seconds(index) == len(example.samples) / RATE
  assert len({chosen.id(index) for index in range(3)}) == 3
  joined = JoinedStrings(chosen, least=2, most=2)[1]
  assert sorted(joined.text.split()) == ["begins", "ends"] and len(joined.words) == 2


def test_an_excerpt_of_what_is_not_there_is_an_error(digits):
  with pytest.raises(ValueError, match="no excerpt is no source"):
    Excerpts(digits, [])
  for begin, end in ((0.1, 0.3), (-0.1, 0.1), (0.1, 0.1)):
    with pytest.raises(ValueError, match=r"d4 lasts 0.2375 s, which has no excerpt from"):
      Excerpts(digits, [Excerpt(4, begin, end, "x")])


def test_the_telephone_changes_the_sound_and_nothing_else(digits):
  strings = JoinedStrings(digits, most=3)
  heard = Telephone(strings)
  assert isinstance(heard, Source) and len(heard) == len(strings)
  for index in range(len(strings)):
    plain, example = strings[index], heard[index]
    assert (example.text, example.speaker) == (plain.text, plain.speaker)
    assert example.id == heard.id(index) == f"{plain.id}-by-telephone"
    assert example.words == plain.words  # so that it can be aligned to
    assert heard.seconds(index) == strings.seconds(index) == len(example.samples) / RATE
    np.testing.assert_array_equal(example.samples, telephone_band(plain.samples, RATE))
    spectrum = np.abs(np.fft.rfft(example.samples)) ** 2
    hertz = np.fft.rfftfreq(len(example.samples), 1 / RATE)
    assert spectrum[(hertz < 150) | (hertz > 3700)].mean() < 0.01 * spectrum.mean()


def test_a_chain_is_its_sources_in_order(digits):
  some = Selection(digits, [3, 1])
  chain = Chain([digits, some, digits])
  assert isinstance(chain, Source) and len(chain) == 26 and chain.sample_rate == RATE
  for index, (source, item) in {0: (digits, 0), 11: (digits, 11), 12: (some, 0), 13: (some, 1),
                                14: (digits, 0), 25: (digits, 11)}.items():  # fmt: skip
    assert (chain.id(index), chain.text(index)) == (source.id(item), source.text(item))
    assert (chain.speaker(index), chain.seconds(index)) == (
      source.speaker(item), source.seconds(item)
    )  # fmt: skip
    np.testing.assert_array_equal(chain[index].samples, source[item].samples)
  with pytest.raises(IndexError, match="item 26 of 26"):
    chain[26]


def test_a_chain_has_one_rate(digits):
  other = MemorySource([np.zeros(9, np.int16)], ["x"], [""], ["x"], 16000)
  with pytest.raises(ValueError, match=r"one sample rate, got \[8000, 16000\]"):
    Chain([digits, other])
  with pytest.raises(ValueError, match="got none"):
    Chain([])
