"""Audio -> utterances: their words and times, however the audio is cut, however long it is."""

import itertools

import numpy as np
import pytest

from edge_rnnt.device.transcribe.endpoint import Endpointing
from edge_rnnt.device.transcribe.utterances import Listener

RATE, FRAME = 8000, 0.03  # of the model in conftest.py


def heard(recognizer, samples, rule=None, chunk=None):
  listener = Listener(recognizer, rule or Endpointing())
  found = []
  for begin in range(0, len(samples), chunk or len(samples) or 1):
    found += listener.accept(samples[begin : begin + (chunk or len(samples))])
  return found + listener.finish()


def test_pauses_make_utterances_with_the_times_of_the_whole_audio(recognizer, bursts):
  spans = [(1.0, 1.4), (1.8, 2.2), (4.0, 4.5), (7.5, 8.1)]
  found = heard(recognizer, bursts(9, spans))
  assert [each.text for each in found] == ["on off on off", "on off", "on off"]
  words = [word for each in found for word in each.words]
  for word, at in zip(words, itertools.chain(*spans), strict=True):
    assert word.start == pytest.approx(at, abs=0.05) and word.end == pytest.approx(
      word.start + FRAME
    )
  assert [(each.start, each.end) for each in found] == [
    (each.words[0].start, each.words[-1].end) for each in found
  ]


@pytest.mark.parametrize("chunk", [3, 800, 8000])
def test_the_cuts_of_the_audio_change_nothing(recognizer, bursts, chunk):
  samples = bursts(3, [(0.1, 0.5), (1.9, 2.2), (2.6, 2.7)])
  assert heard(recognizer, samples, chunk=chunk) == heard(recognizer, samples)


def test_without_endpoints_an_utterance_is_all_that_the_stream_says(recognizer, bursts):
  samples = bursts(12, [(1.0, 1.4), (4.0, 4.5), (10.5, 11.1)])
  (found,) = heard(recognizer, samples, Endpointing(pause=0.0))
  stream = recognizer.stream()
  stream.accept(samples)
  stream.finish()
  assert (found.text, found.words) == (stream.text, stream.words)


def test_sound_without_words_is_no_pause(recognizer, bursts):
  """Between "on" and "off" the model says nothing for two seconds, but it is loud."""
  (found,) = heard(recognizer, bursts(5, [(1.0, 3.0)]))
  assert found.text == "on off"


def test_long_speech_is_cut_and_loses_nothing(recognizer, bursts):
  spans = [(begin, begin + 0.3) for begin in np.arange(0.5, 59, 0.6)]
  found = heard(recognizer, bursts(60, spans), Endpointing(pause=0.8, longest=5.0))
  words = [word for each in found for word in each.words]
  assert len(found) > 6 and all(each.end - each.start < 10 for each in found)
  assert [word.text for word in words] == ["on", "off"] * len(spans)
  ends = np.array([word.start for word in words]) - np.array(list(itertools.chain(*spans)))
  assert np.abs(ends).max() < 0.05


def test_a_word_that_sets_in_at_the_end_of_a_pause_is_heard_once(recognizer, bursts):
  """The cut falls before it: 0.8 s of pause are full just when sound begins."""
  for late in np.arange(0.7, 1.1, 0.05):
    found = heard(recognizer, bursts(3, [(0.5, 1.0), (1 + late, 2.5)]))
    assert " ".join(each.text for each in found) == "on off on off", late


def test_silence_says_nothing_and_is_not_kept(recognizer):
  listener = Listener(recognizer, Endpointing())
  for _ in range(12):
    assert listener.accept(np.zeros(RATE, np.float32)) == []
    assert len(listener._recent) + len(listener._waiting) <= RATE
  assert listener.finish() == [] and listener.heard == 12 * RATE


@pytest.mark.parametrize("samples", [0, 1, 7])
def test_hardly_any_audio_ends_well(recognizer, samples):
  assert heard(recognizer, np.zeros(samples, np.float32)) == []


def test_partial_results_grow_into_the_utterance(recognizer, bursts):
  listener, seen = Listener(recognizer, Endpointing()), []
  samples = bursts(4, [(1.0, 1.4), (1.8, 2.2)])
  for begin in range(0, len(samples), 800):
    ended = listener.accept(samples[begin : begin + 800])
    if ended or listener.partial != (seen[-1] if seen else ""):
      seen.append(listener.partial)
  assert seen == ["on", "on off", "on off on", "on off on off", ""]
