"""Subtitle files, letter by letter; and what every one of them must satisfy."""

import itertools

import numpy as np
import pytest

from edge_rnnt.device.engine import Word
from edge_rnnt.device.transcribe.subtitles import clock, srt, subtitles, vtt
from edge_rnnt.device.transcribe.utterances import Utterance


def said(text, start, step=0.4):
  words = [
    Word(word, round(start + step * index, 3), round(start + step * index + 0.3, 3))
    for index, word in enumerate(text.split())
  ]
  return Utterance(text, words)


def test_srt_as_players_read_it():
  shown = subtitles([said("turn it on", 0.5), said("a <b> & c", 3661.25)])
  assert srt(shown) == (
    "1\n00:00:00,500 --> 00:00:01,600\nturn it on\n\n"
    "2\n01:01:01,250 --> 01:01:02,750\na <b> & c\n\n"
  )


def test_vtt_as_browsers_read_it():
  assert vtt(subtitles([said("a <b> & c", 59.9996)])) == (
    "WEBVTT\n\n00:01:00.000 --> 00:01:01.500\na &lt;b&gt; &amp; c\n\n"
  )


def test_nothing_said_is_an_empty_file_of_its_kind():
  assert srt([]) == "" and vtt([]) == "WEBVTT\n\n"


def test_a_short_one_stays_for_a_second_unless_the_next_begins():
  shown = subtitles([said("on", 1.0), said("off", 1.5), said("on", 9.0)])
  assert [(each.start, each.end) for each in shown] == [(1.0, 1.5), (1.5, 2.5), (9.0, 10.0)]


@pytest.mark.parametrize("seed", range(4))
def test_long_utterances_are_cut_between_words(seed):
  rng = np.random.default_rng(seed)
  lengths = rng.integers(1, 14, 200)
  text = " ".join("abcdefghijklmn"[:length] for length in lengths)
  shown = subtitles([said(text, 2.0, step=float(rng.uniform(0.1, 0.9)))])
  assert " ".join(each.text.replace("\n", " ") for each in shown) == text
  for each, after in itertools.pairwise(shown):
    assert each.start < each.end <= after.start
  for each in shown:
    lines = each.text.split("\n")
    assert len(lines) <= 2 and max(map(len, lines)) <= 42 and each.end - each.start <= 7


def test_a_word_longer_than_a_line_stays_whole():
  assert subtitles([said("x" * 60, 0.0)])[0].text == "x" * 60


@pytest.mark.parametrize(
  ("seconds", "shown"),
  [(0, "0:00.00"), (59.999, "1:00.00"), (754.128, "12:34.13"), (3600.5, "1:00:00.50")],
)
def test_times_for_people(seconds, shown):
  assert clock(float(seconds)) == shown
