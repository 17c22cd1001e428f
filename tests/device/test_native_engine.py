"""The native engine against the NumPy reference, on models of any shape with random numbers."""

import ctypes
import dataclasses
import functools
import pathlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edge_rnnt.audio.files import read_audio
from edge_rnnt.device import binding
from edge_rnnt.device.container import ContainerError, read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.network import EncoderStream, Network
from edge_rnnt.device.reference import reference_network
from edge_rnnt.device.search import GreedySearch, Token
from edge_rnnt.text.wordpiece import train_wordpieces
from tests.device import random_models

pytestmark = pytest.mark.skipif(not binding.available(), reason="the native engine is not built")

CELLS = ("lstm", "cifg", "sru")
TABLES = ("scalar", "")  # the readable one, and this processor's fastest


@functools.cache
def wordpieces() -> bytes:
  return train_wordpieces(["one two three four five six seven"], vocab_size=30, model_type="char")


def model(tmp_path, cell, scheme, storage="dense", seed=0, **changes):
  rng = np.random.default_rng(seed)
  shape = random_models.architecture(cell, random_models.vocabulary(wordpieces()), **changes)
  path = tmp_path / f"{cell}-{scheme}-{storage}-{seed}.edge"
  return random_models.write_model(path, shape, scheme, storage, wordpieces(), rng)


class Traced:
  """A cell of the reference that remembers its last output."""

  def __init__(self, cell):
    self.cell, self.output = cell, None

  def initial_state(self, batch):
    return self.cell.initial_state(batch)

  def step(self, state, x):
    state, self.output = self.cell.step(state, x)
    return state, self.output


def traced(network: Network) -> Network:
  encoder = network.encoder._replace(layers=[Traced(cell) for cell in network.encoder.layers])
  return network._replace(encoder=encoder, prediction=[Traced(c) for c in network.prediction])


def compare(path, rows, kernels, equal) -> list[Token]:
  """Feeds rows to both engines and hands every layer's output to `equal`, after every row."""
  container = read(path)
  network = traced(reference_network(container))
  encoder = EncoderStream(network.encoder, 1)
  search = GreedySearch(network, container.architecture.blank, 1)
  native = binding.NativeModel(path, 4, kernels).stream()
  for row in [*rows, None]:
    if row is None:
      encoded = encoder.finish()
      native.finish()
    else:
      encoded = encoder.accept(row[None])
      native.accept_features(row)
    if encoded is not None:
      search.accept(encoded)
    for part, cells in enumerate((network.encoder.layers, network.prediction)):
      for index, cell in enumerate(cells):
        if cell.output is not None:
          expected = cell.output[0]
          equal(native.layer(part, index, len(expected)), expected)
  assert native.frames == search.frames > 0
  assert native.tokens == search.tokens[0]
  return native.tokens


def features(seed=0, count=13):
  rows = np.random.default_rng(seed).standard_normal((count, random_models.FRONT_END.feature_dim))
  return rows.astype(np.float32)


@pytest.mark.parametrize("kernels", TABLES)
@pytest.mark.parametrize("storage", random_models.BLOCKS)
@pytest.mark.parametrize("cell", CELLS)
def test_integer_layers_and_tokens_bit_for_bit(tmp_path, cell, storage, kernels):
  path = model(tmp_path, cell, "integer", storage)
  assert any(name.endswith(".blocks") for name in read(path).stored) == (storage != "dense")
  tokens = compare(path, features(), kernels, np.testing.assert_array_equal)
  assert len(tokens) > 3


@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
def test_the_joint_network_of_labels_that_are_given(tmp_path, scheme):
  """Not those that a search would find: no token comes of it."""
  path, labels = model(tmp_path, "cifg", scheme), [3, 3, 7]
  network = reference_network(read(path))
  encoder, joint = EncoderStream(network.encoder, 1), network.joint
  states = tuple(cell.initial_state(1) for cell in network.prediction)
  states, predicted = network.predict(states, np.array([read(path).architecture.blank]))
  native, seen = binding.NativeModel(path, 4).stream(), 0
  for row in features():
    encoded = encoder.accept(row[None])
    native.hear(row)
    if encoded is None:
      continue
    if seen < len(labels):
      states, predicted = network.predict(states, np.array(labels[seen : seen + 1]))
      native.say(labels[seen])
    seen, heard = seen + 1, joint.encoded(encoded)
    scores = joint.scores(heard, predicted)
    for part, rows in (("encoded", heard), ("predicted", predicted), ("scores", scores)):
      found, (expected,) = native.joint(part), rows
      if scheme == "integer":
        np.testing.assert_array_equal(found, expected)
      else:  # hybrid: a value in 8 bits may go the other way
        bound = 1e-4 if scheme == "float" else 0.2
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound * np.abs(expected).max())
  assert seen > len(labels) and native.tokens == []
  for label in (-1, network.embedding.shape[0]):
    with pytest.raises(ValueError, match=f"word-piece {label} of "):
      native.say(label)


SHAPES = (
  {"layer_norm": False},
  {"encoder_projection": None, "prediction_projection": None},
  {"layer_norm": False, "encoder_projection": None, "time_reduction": 3},
  {"time_reduction": 1, "encoder_layers": 1, "time_reduction_after": 0, "encoder_cells": 1},
  {"time_reduction_after": 0, "time_reduction": 5, "prediction_layers": 1, "joint_dim": 1},
  {"time_reduction_after": 2, "encoder_cells": 131, "encoder_projection": 64, "joint_dim": 70},
  {"encoder_cells": 300, "encoder_projection": 280, "time_reduction": 1},  # wide: 16-bit indices
)


@pytest.mark.parametrize("storage", ["dense", "8x1", "1x8"])
@pytest.mark.parametrize("shape", range(len(SHAPES)))
@pytest.mark.parametrize("cell", CELLS)
def test_integer_models_of_other_shapes(tmp_path, cell, shape, storage):
  path = model(tmp_path, cell, "integer", storage, seed=shape + 1, **SHAPES[shape])
  compare(path, features(shape), "", np.testing.assert_array_equal)


@pytest.mark.parametrize("kernels", TABLES)
@pytest.mark.parametrize("storage", random_models.BLOCKS)
@pytest.mark.parametrize("cell", CELLS)
def test_float_layers_to_five_digits(tmp_path, cell, storage, kernels):
  path = model(tmp_path, cell, "float", storage)
  equal = functools.partial(np.testing.assert_allclose, rtol=0, atol=2e-5)
  assert len(compare(path, features(), kernels, equal)) > 3


@pytest.mark.parametrize("kernels", TABLES)
@pytest.mark.parametrize("storage", random_models.BLOCKS)
@pytest.mark.parametrize("cell", CELLS)
def test_hybrid_layers_to_five_digits_unless_a_rounding_flips(tmp_path, cell, storage, kernels):
  """The last bit of a float may move a value over a tie, hence by a step of 1/127 in one input."""
  path, errors = model(tmp_path, cell, "hybrid", storage), []
  compare(path, features(), kernels, lambda found, expected: errors.append(found - expected))
  errors = np.abs(np.concatenate(errors))
  assert np.median(errors) < 2e-6 and errors.max() < 0.02


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
def test_any_chunk_of_audio_gives_the_same_tokens(tmp_path, cell, scheme):
  recognizer = binding.NativeModel(model(tmp_path, cell, scheme), 4)
  samples = noise(3217)
  whole = heard(recognizer.stream(), samples, len(samples))
  assert len(whole) > 10
  for chunk in (1, 2, 79, 80, 81, 200, 1601):
    assert heard(recognizer.stream(), samples, chunk) == whole


def noise(count: int, seed: int = 0) -> np.ndarray:
  return (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def heard(stream: binding.NativeStream, samples: np.ndarray, chunk: int) -> list[Token]:
  for begin in range(0, len(samples), chunk):
    stream.accept(samples[begin : begin + chunk])
  stream.finish()
  return stream.tokens


@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
def test_real_speech_gives_the_same_tokens_and_times(tmp_path, scheme):
  """From recordings on; the model is not trained, so that what it says depends on every detail."""
  folder = pathlib.Path(__file__).parents[3] / "shared" / "data" / "digits" / "audio"
  files = sorted(folder.rglob("*.flac"))[::250]
  if not files:
    pytest.skip("no recordings of digits in ../shared/data")
  speech = [read_audio(path, 8000) for path in files]
  front_end = dataclasses.replace(random_models.FRONT_END, mean=None, std=None, clip=None)
  front_end = front_end.with_statistics([front_end.log_mel(samples) for samples in speech])
  shape = random_models.architecture("lstm", random_models.vocabulary(wordpieces()))
  path, rng = tmp_path / "model.edge", np.random.default_rng(0)
  random_models.write_model(path, shape, scheme, "8x1", wordpieces(), rng, front_end)
  native, reference = (Recognizer.open(path, engine=name) for name in ("native", "reference"))
  said = 0
  for samples in speech:
    found, expected = native.stream(), reference.stream()
    for stream in (found, expected):
      stream.accept(samples)
      stream.finish()
    assert (found.tokens, found.words) == (expected.tokens, expected.words)
    said += len(found.tokens)
  assert said > 5 * len(speech)


def test_streams_side_by_side_are_as_alone(tmp_path):
  recognizer = binding.NativeModel(model(tmp_path, "lstm", "integer", "8x1"), 4)
  utterances = [noise(2000 + 111 * k, seed=k) for k in range(7)]
  alone = [heard(recognizer.stream(), samples, 500) for samples in utterances]
  assert len({tuple(tokens) for tokens in alone}) == len(alone)
  streams = [recognizer.stream() for _ in utterances]
  for begin in range(0, 3000, 97):
    for stream, samples in zip(streams, utterances, strict=True):
      stream.accept(samples[begin : begin + 97])
  for stream in streams:
    stream.finish()
  assert [stream.tokens for stream in streams] == alone


def test_threads_do_not_disturb_each_other(tmp_path):
  recognizer = binding.NativeModel(model(tmp_path, "cifg", "hybrid"), 4)
  utterances = [noise(4000, seed=k) for k in range(8)]
  alone = [heard(recognizer.stream(), samples, 400) for samples in utterances]
  with ThreadPoolExecutor(4) as pool:
    together = pool.map(lambda samples: heard(recognizer.stream(), samples, 400), utterances)
    assert list(together) == alone


def test_a_stream_is_used_again_after_reset(tmp_path):
  recognizer = binding.NativeModel(model(tmp_path, "sru", "integer"), 4)
  stream, samples = recognizer.stream(), noise(3000)
  first = heard(stream, samples, 333)
  with pytest.raises(ValueError, match="finished"):
    stream.accept(samples)
  stream.reset()
  assert stream.tokens == [] and stream.frames == 0 and stream.text == ""
  assert heard(stream, samples, 1000) == first


def test_a_stream_outlives_its_model(tmp_path):
  recognizer = binding.NativeModel(model(tmp_path, "lstm", "float"), 4)
  stream, expected = recognizer.stream(), heard(recognizer.stream(), noise(2000), 500)
  del recognizer
  assert heard(stream, noise(2000), 500) == expected


def test_broken_samples_are_refused_and_not_heard(tmp_path):
  recognizer = binding.NativeModel(model(tmp_path, "lstm", "integer"), 4)
  stream, samples = recognizer.stream(), noise(2000)
  for value in (np.nan, np.inf):
    broken = samples.copy()
    broken[1999] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
      stream.accept(broken)
    address, count = broken.ctypes.data, len(broken)
    assert binding.library().edge_rnnt_accept(stream._handle, address, count) == -1
  assert heard(stream, samples, 2000) == heard(recognizer.stream(), samples, 2000)


@pytest.mark.parametrize("kind", ["word", "char", "bpe", "unigram"])
def test_text_and_words_are_those_of_sentencepiece(tmp_path, kind):
  texts = ["one two three four five", "the ninth of november, a day in the year", "été où ça", "on"]
  pieces = train_wordpieces(texts, vocab_size=60, model_type=kind)
  shape = random_models.architecture("lstm", random_models.vocabulary(pieces), joint_dim=150)
  seen = set()
  for seed in range(6):
    path, rng = tmp_path / f"{seed}.edge", np.random.default_rng(seed)
    random_models.write_model(path, shape, "integer", "dense", pieces, rng)
    recognizer = Recognizer.open(path, max_symbols=30, engine="native")
    stream = recognizer.stream()
    stream.accept(noise(3000, seed))
    native = stream._utterance
    assert native.text == stream.text
    words = [(word.text, round(word.start, 3), round(word.end, 3)) for word in native.words]
    assert words == [tuple(word) for word in stream.words]
    seen |= {token.id for token in stream.tokens}
  assert 0 in seen and len(seen) > shape.vocab_size / 4  # the unknown piece among them


def test_more_tokens_than_there_is_room_for_is_an_error_and_not_a_crash(tmp_path):
  path = model(tmp_path, "lstm", "integer")
  library, error = binding.library(), ctypes.create_string_buffer(300)
  options = binding._Options(kernels=None, max_symbols=4, max_tokens=5)
  handle = library.edge_rnnt_open(str(path).encode(), ctypes.byref(options), error, 300)
  stream = library.edge_rnnt_stream_open(handle, error, 300)
  library.edge_rnnt_close(handle)
  samples = noise(5000)
  assert library.edge_rnnt_accept(stream, samples.ctypes.data, 5000) == -1
  assert b"more than 5 word-pieces" in library.edge_rnnt_error(stream)
  assert library.edge_rnnt_tokens(stream, 0, None, 0) == 5
  assert library.edge_rnnt_reset(stream) == 0
  assert library.edge_rnnt_tokens(stream, 0, None, 0) == 0
  library.edge_rnnt_stream_close(stream)


def test_kernels_by_name(tmp_path):
  path = model(tmp_path, "lstm", "integer")
  assert binding.NativeModel(path, 4, "scalar").kernels == "scalar"
  with pytest.raises(ContainerError, match="no kernels called sse9"):
    binding.NativeModel(path, 4, "sse9")
