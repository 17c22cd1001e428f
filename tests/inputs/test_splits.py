"""No speaker in two splits, the same split tomorrow, and an honest word where that can't be."""

import pathlib

import pytest

from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.splits import split
from edge_rnnt.inputs.utterance import Utterance


def made(speakers, each=3, splits=None):
  return [
    Utterance(
      f"{speaker}-{n}",
      pathlib.Path(f"{speaker}-{n}.wav"),
      "x",
      speaker,
      (splits or {}).get(speaker, ""),
    )
    for speaker in speakers
    for n in range(each)
  ]


def people(utterances):
  return {each.speaker for each in utterances}


def test_by_column_with_other_names_of_the_splits():
  result = split(made("abc", splits={"a": "train", "b": "validation", "c": "test"}))
  assert (people(result.train), people(result.dev), people(result.test)) == ({"a"}, {"b"}, {"c"})
  assert result.speaker_disjoint and result.rule == "by the manifest's split column"


def test_by_column_notices_a_speaker_in_two_splits():
  rows = made("abc", splits={"a": "train", "b": "dev", "c": "test"})
  rows.append(Utterance("extra", pathlib.Path("e.wav"), "x", "a", "test"))
  result = split(rows)
  assert not result.speaker_disjoint
  assert "1 speakers are in more than one split, for example a" in result.rule


def test_by_column_refuses_unknown_and_empty_splits():
  with pytest.raises(ManifestError, match=r"a-0.wav: split is 'holdout'; expected one of train"):
    split(made("a", splits={"a": "holdout"}))
  with pytest.raises(ManifestError, match="names no dev utterance"):
    split(made("ab", splits={"a": "train", "b": "test"}))


def test_by_speaker_is_disjoint_complete_and_stable():
  names = [f"s{n}" for n in range(40)]
  result = split(made(names))
  groups = [people(part) for part in (result.train, result.dev, result.test)]
  assert [len(group) for group in groups] == [32, 4, 4]
  assert set.union(*groups) == set(names) and result.speaker_disjoint
  assert people(split(made(names[::-1])).test) == groups[2]  # the order of the list changes nothing
  assert len(people(split(made([*names, "new"])).test) & groups[2]) >= 3


def test_without_speakers_by_utterance_and_says_so():
  result = split(made([""], each=20))
  assert (len(result.train), len(result.dev), len(result.test)) == (16, 2, 2)
  assert not result.speaker_disjoint and "speakers may be in several splits" in result.rule


def test_too_few_to_split():
  with pytest.raises(ManifestError, match="2 utterances cannot be split"):
    split(made([""], each=2))


def test_a_few_without_a_speaker_are_all_trained_on():
  """One stray file doesn't end the splitting by speaker; but nothing is sure of it any more."""
  stray = Utterance("stray", pathlib.Path("stray.wav"), "x")
  result = split([*made("abcd"), stray])
  assert stray in result.train and not result.speaker_disjoint
  groups = [people(part) - {""} for part in (result.train, result.dev, result.test)]
  assert set.union(*groups) == set("abcd") and sum(map(len, groups)) == 4
  assert "the 1 utterances of unnamed speakers are all in training" in result.rule
  many = [Utterance(f"u{n}", pathlib.Path(f"{n}.wav"), "x") for n in range(20)]
  assert split([*made("abcd"), *many]).rule.startswith("by utterance, 80/10/10: few or no speakers")


def test_half_a_split_column_is_told_to_be_unused():
  rule = split(made("abcd", splits={"a": "train", "b": "test"})).rule
  assert rule.endswith("; splits are named for only 6 of 12 utterances and not used")
