"""The recognizer: streams, chunks and lock step give one and the same text."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_rnnt.device import binding
from edge_rnnt.device.container import ContainerError, read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.search import Token

CELLS = ["lstm", "cifg", "sru"]
SCHEMES = ["float", "hybrid", "integer"]


@pytest.fixture(params=["reference", "native"])
def opened(request) -> Callable[[Path], Recognizer]:
  """Opens a device file, in each of the engines."""
  if request.param == "native" and not binding.available():
    pytest.skip("the native engine is not built")
  return functools.partial(Recognizer.open, engine=request.param)


def streamed(recognizer: Recognizer, samples: np.ndarray, chunk: int) -> list[Token]:
  stream = recognizer.stream()
  for begin in range(0, len(samples), chunk):
    stream.accept(samples[begin : begin + chunk])
  stream.finish()
  return stream.tokens


@pytest.mark.parametrize(
  ("cell", "scheme"),
  [("lstm", "float"), ("lstm", "hybrid"), *((cell, "integer") for cell in CELLS)],
)
def test_any_chunk_size_gives_the_same_tokens(opened, example, model_file, cell, scheme):
  recognizer = opened(model_file(cell, scheme))
  samples = example(cell).utterances[2]
  whole = streamed(recognizer, samples, len(samples))
  assert len(whole) > 5
  for chunk in (7, 80, 333, 801):
    assert streamed(recognizer, samples, chunk) == whole


@pytest.mark.parametrize("cell", CELLS)
def test_lock_step_equals_streams_token_for_token(opened, example, model_file, cell):
  recognizer = opened(model_file(cell, "integer"))
  utterances = example(cell).utterances
  features = [recognizer.front_end.features(samples) for samples in utterances]
  together = recognizer._lock_step(features)
  assert together == [streamed(recognizer, samples, 800) for samples in utterances]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_recognize_gives_texts_in_the_order_of_the_utterances(opened, example, model_file, scheme):
  recognizer = opened(model_file("lstm", scheme))
  utterances = example("lstm").utterances
  texts = []
  for samples in utterances:
    stream = recognizer.stream()
    stream.accept(samples)
    stream.finish()
    texts.append(stream.text)
  assert recognizer.recognize(utterances, batch=3) == texts
  assert len(set(texts)) > 1


def test_text_grows_while_audio_comes_and_the_tail_is_flushed(opened, example, model_file):
  recognizer = opened(model_file("lstm", "integer"))
  samples = example("lstm").utterances[1]
  stream, texts = recognizer.stream(), [""]
  for begin in range(0, len(samples), 400):
    stream.accept(samples[begin : begin + 400])
    texts.append(stream.text)
  stream.finish()
  assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
  rows = recognizer.front_end.features(samples)
  assert len(rows) % 2  # the last frame waits for a second one that never comes
  assert stream.tokens == recognizer._lock_step([rows])[0]
  assert stream.frames == (len(rows) + 1) // 2


def test_words_spell_the_text_and_start_with_their_frame(opened, example, model_file):
  recognizer = opened(model_file("lstm", "float"))
  stream = recognizer.stream()
  stream.accept(example("lstm").utterances[0])
  stream.finish()
  assert " ".join(word.text for word in stream.words) == stream.text
  starts = [round(token.frame * 0.06, 3) for token in stream.tokens]
  assert [word.start for word in stream.words] == starts  # one piece a word
  assert [word.end for word in stream.words] == [round(start + 0.06, 3) for start in starts]


def test_a_word_of_several_pieces_lasts_through_the_last_one(model_file, monkeypatch):
  recognizer = Recognizer.open(model_file("lstm", "float"))
  one, two = recognizer.wordpieces.encode("one two")
  pieces = list(recognizer.wordpieces.pieces)
  pieces[two] = pieces[two].removeprefix("▁")
  monkeypatch.setattr(recognizer.wordpieces, "pieces", pieces)
  stream = recognizer.stream()
  stream.tokens.extend([Token(one, 2), Token(two, 7), Token(one, 9)])
  assert [word[1:] for word in stream.words] == [(0.12, 0.48), (0.54, 0.6)]


def test_the_unknown_piece_is_a_word_of_its_own(opened, model_file):
  recognizer = opened(model_file("lstm", "float"))
  stream = recognizer.stream()
  ids = [*recognizer.wordpieces.encode("two"), 0, 0, *recognizer.wordpieces.encode("one")]
  stream.tokens.extend(Token(token, frame) for frame, token in enumerate(ids))
  assert [word.text for word in stream.words] == stream.text.split()
  assert [word.start for word in stream.words] == [0.0, 0.06, 0.12, 0.18]


def test_silence_and_no_audio_at_all_end_well(opened, model_file):
  recognizer = opened(model_file("lstm", "integer"))
  stream = recognizer.stream()
  stream.finish()
  assert stream.text == "" and stream.words == []
  assert recognizer.recognize([np.zeros(0, np.float32)]) == [""]
  assert recognizer.recognize([]) == []


def test_a_finished_stream_takes_no_more_audio(opened, model_file):
  stream = opened(model_file("lstm", "float")).stream()
  stream.finish()
  stream.finish()
  with pytest.raises(ValueError, match="finished"):
    stream.accept(np.zeros(10, np.float32))


def test_streams_of_one_recognizer_do_not_disturb_each_other(opened, example, model_file):
  recognizer = opened(model_file("lstm", "integer"))
  first, second = example("lstm").utterances[:2]
  a, b = recognizer.stream(), recognizer.stream()
  for begin in range(0, 4000, 500):
    a.accept(first[begin : begin + 500])
    b.accept(second[begin : begin + 500])
  a.finish()
  assert a.tokens == streamed(recognizer, first, len(first))


def test_word_pieces_of_another_model_are_refused(example, model_file):
  container = read(model_file("lstm", "float"))
  stored = container.stored | {"wordpieces": np.frombuffer(b"not a model", np.uint8)}
  with pytest.raises(ContainerError, match=r"lstm_float\.edge: the word-pieces are broken"):
    Recognizer(container._replace(stored=stored))
