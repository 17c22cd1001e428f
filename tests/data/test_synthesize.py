"""Synthetic speech: the same from any number of processes, varied, plausible."""

import dataclasses
import importlib.util
import shutil
import sys

import numpy as np
import pytest

from data import synthesize as synthesis
from data.grammar import digit_string
from data.synthesize import SynthesizerMissing, plan_lines, synthesize
from data.synthesizers import ESPEAK, FLITE

needs_espeak = pytest.mark.skipif(
  importlib.util.find_spec("espeakng_loader") is None,
  reason="needs the wheel espeakng-loader: pip install espeakng-loader",
)
needs_flite = pytest.mark.skipif(not FLITE.is_here(), reason="needs flite: apt-get install flite")


def test_speakers_of_the_splits_are_others():
  groups = [set(each) for each in ESPEAK.speakers.values()]
  assert sum(map(len, groups)) == len(set.union(*groups)) == 70


def test_lines_depend_on_seed_and_split_alone():
  lines = plan_lines(digit_string, 40, "train", 1)
  assert lines == plan_lines(digit_string, 40, "train", 1)
  assert lines != plan_lines(digit_string, 40, "train", 2)
  heldout = plan_lines(digit_string, 40, "test", 1)
  assert {line.speaker for line in heldout} <= set(ESPEAK.speakers["test"])
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
  texts = [dataclasses.replace(line, speaker=name) for name in ESPEAK.speakers["dev"]]
  source = synthesize(texts, 8000, name="a")
  lengths = [len(source[index].samples) for index in range(len(texts))]
  assert len(set(lengths)) > 1 and len(set(source.speaker(n) for n in range(5))) == 5


@needs_espeak
def test_an_unknown_voice_is_named():
  line = plan_lines(digit_string, 1, "dev", 5)[0]
  with pytest.raises(SynthesizerMissing, match="espeak-ng has no voice 'en-xx\\+f2'"):
    synthesize([dataclasses.replace(line, accent="en-xx", speaker="f2")], 8000, name="a")


def test_without_the_wheel_it_says_what_to_install(monkeypatch):
  monkeypatch.setitem(sys.modules, "espeakng_loader", None)
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(SynthesizerMissing, match="pip install espeakng-loader"):
    synthesize(plan_lines(digit_string, 1, "dev", 5), 8000, name="a")


def test_a_synthesizer_without_voices_to_spare_makes_no_dev_set():
  with pytest.raises(ValueError, match="flite has voices for train alone, not for dev"):
    plan_lines(digit_string, 1, "dev", 5, FLITE)


def test_without_flite_it_says_what_to_install(monkeypatch):
  monkeypatch.setattr(shutil, "which", lambda name: None)
  with pytest.raises(SynthesizerMissing, match="apt-get install flite"):
    synthesize(plan_lines(digit_string, 1, "train", 5, FLITE), 8000, name="a", by=FLITE)


@needs_flite
def test_flite_speaks_as_fast_and_as_high_as_it_is_told():
  line = plan_lines(lambda rng: "one two three four five", 1, "train", 5, FLITE)[0]

  def spoken(**changes):
    changed = dataclasses.replace(line, speaker="rms", **changes)
    return synthesize([changed], 8000, name="a", by=FLITE)[0].samples

  slow, fast = spoken(words_per_minute=130), spoken(words_per_minute=220)
  assert 1.4 < len(slow) / len(fast) < 2.0  # 1.7, and the pauses around it stay
  low, high = (hertz_of(spoken(pitch=pitch, words_per_minute=150)) for pitch in (30, 70))
  assert 1.15 < high / low < 1.6  # 0.4 octaves are 1.32


def hertz_of(samples: np.ndarray) -> float:
  """The pitch between 60 and 250 Hz that most of the speech has, by autocorrelation."""
  lags = np.arange(8000 // 250, 8000 // 60)
  frames = np.lib.stride_tricks.sliding_window_view(samples, 480)[::80]
  loud = frames[np.square(frames).sum(axis=1) > np.quantile(np.square(frames).sum(axis=1), 0.6)]
  found = [lags[np.argmax([frame[lag:] @ frame[:-lag] for lag in lags])] for frame in loud]
  return 8000 / float(np.median(found))


@needs_flite
def test_flite_says_the_same_from_any_number_of_processes(monkeypatch, tmp_path):
  monkeypatch.setattr(synthesis, "CHUNK", 2)
  lines = plan_lines(digit_string, 5, "train", 3, FLITE)
  alone = synthesize(lines, 8000, name="a", by=FLITE, processes=1)
  shared = synthesize(lines, 8000, name="a", by=FLITE, processes=3, cache_dir=tmp_path)
  for index in range(5):
    np.testing.assert_array_equal(alone[index].samples, shared[index].samples)
    words = len(alone.text(index).split())
    assert 0.15 * words < alone.seconds(index) < 0.9 * words + 0.7


@needs_flite
def test_a_voice_that_flite_does_not_have_is_named():
  line = plan_lines(digit_string, 1, "train", 5, FLITE)[0]
  with pytest.raises(SynthesizerMissing, match="flite has no voice 'hal'"):
    synthesize([dataclasses.replace(line, speaker="hal")], 8000, name="a", by=FLITE)
