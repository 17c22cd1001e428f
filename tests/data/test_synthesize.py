"""Synthetic speech: the same from any number of processes, varied, plausible."""

import importlib.util
import sys

import numpy as np
import pytest

from data import synthesize as synthesis
from data.grammar import digit_string
from data.synthesize import SPEAKERS, SynthesizerMissing, plan_lines, synthesize

needs_espeak = pytest.mark.skipif(
  importlib.util.find_spec("espeakng_loader") is None,
  reason="needs the wheel espeakng-loader: pip install espeakng-loader",
)


def test_speakers_of_the_splits_are_others():
  groups = [set(each) for each in SPEAKERS.values()]
  assert sum(map(len, groups)) == len(set.union(*groups)) == 70


def test_lines_depend_on_seed_and_split_alone():
  lines = plan_lines(digit_string, 40, "train", 1)
  assert lines == plan_lines(digit_string, 40, "train", 1)
  assert lines != plan_lines(digit_string, 40, "train", 2)
  heldout = plan_lines(digit_string, 40, "test", 1)
  assert {line.speaker for line in heldout} <= set(SPEAKERS["test"])
  assert [line.text for line in heldout] != [line.text for line in lines]


@needs_espeak
def test_the_same_speech_from_any_number_of_processes(monkeypatch, tmp_path):
  monkeypatch.setattr(synthesis, "CHUNK", 8)
  lines = plan_lines(digit_string, 20, "train", 3)
  alone = synthesize(lines, 8000, name="a", processes=1)
  shared = synthesize(lines, 8000, name="a", processes=3, cache_dir=tmp_path)
  monkeypatch.setattr(synthesis, "_speak", None)  # from here on it has to come from the cache
  again = synthesize(lines, 8000, name="a", cache_dir=tmp_path)
  for index in range(20):
    np.testing.assert_array_equal(alone[index].samples, shared[index].samples)
    np.testing.assert_array_equal(alone[index].samples, again[index].samples)
    assert (alone.text(index), alone.speaker(index)) == (lines[index].text, lines[index].speaker)


@needs_espeak
def test_it_is_speech_of_plausible_length_level_and_pause():
  lines = plan_lines(digit_string, 30, "dev", 4)
  source = synthesize(lines, 8000, name="a")
  for index in range(30):
    samples, words = source[index].samples, len(source.text(index).split())
    assert 0.25 * words < source.seconds(index) < 0.9 * words + 0.7
    assert 0.08 < np.abs(samples).max() <= 1.0
    assert 0 < np.abs(samples[:300]).max() < 0.2 * np.abs(samples).max()  # noise, then speech
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 8000)
    assert spectrum[(hertz > 80) & (hertz < 2000)].sum() > 0.6 * spectrum.sum()


@needs_espeak
def test_voices_differ():
  line = plan_lines(digit_string, 1, "dev", 5)[0]
  texts = [synthesis.dataclasses.replace(line, speaker=name) for name in SPEAKERS["dev"]]
  source = synthesize(texts, 8000, name="a")
  lengths = [len(source[index].samples) for index in range(len(texts))]
  assert len(set(lengths)) > 1 and len(set(source.speaker(n) for n in range(5))) == 5


@needs_espeak
def test_an_unknown_voice_is_named():
  line = plan_lines(digit_string, 1, "dev", 5)[0]
  with pytest.raises(SynthesizerMissing, match="espeak-ng has no voice 'en-xx\\+f2'"):
    synthesize([synthesis.dataclasses.replace(line, accent="en-xx", speaker="f2")], 8000, name="a")


def test_without_the_wheel_it_says_what_to_install(monkeypatch):
  monkeypatch.setitem(sys.modules, "espeakng_loader", None)
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(SynthesizerMissing, match="pip install espeakng-loader"):
    synthesize(plan_lines(digit_string, 1, "dev", 5), 8000, name="a")
