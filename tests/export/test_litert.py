"""Exported .tflite files, run by LiteRT, against our own engine."""

import numpy as np
import pytest

from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.network import EncoderStream
from edge_rnnt.device.reference import reference_network
from edge_rnnt.export import litert
from edge_rnnt.export.litert_runner import LiteRTRecognizer, Network
from edge_rnnt.export.refusal import NotExportable

pytest.importorskip(
  "ai_edge_litert.interpreter", reason="writes and runs .tflite files: pip install ai-edge-litert"
)

MODELS = [
  *((cell, scheme, {}) for cell in ("lstm", "cifg", "sru") for scheme in ("float", "hybrid")),
  ("lstm", "float", {"plain": True}),
  ("lstm", "integer", {}),
  ("cifg", "integer", {}),
]


def converted(example, **options):
  return litert.convert(example.frozen, example.front_end, example.wordpieces, **options)


def encoded(recognizer, features):
  """All of an utterance's encoded frames."""
  recognizer.reset()
  encode = Network(recognizer.signatures["encode"])
  reduction = recognizer.architecture.time_reduction
  groups = features[: len(features) // reduction * reduction].reshape(-1, reduction, 1, 24)
  return np.concatenate([encode(frames=group) for group in groups])


def ours(network, features):
  stream = EncoderStream(network.encoder, 1)
  rows = [row for row in (stream.accept(each[None]) for each in features) if row is not None]
  return np.concatenate([network.joint.encoded(row) for row in rows])


@pytest.mark.parametrize(("cell", "scheme", "options"), MODELS)
def test_the_networks_are_ours(spoken, tmp_path, cell, scheme, options):
  example = spoken(cell, scheme)
  network = reference_network(example.open(tmp_path))
  recognizer = LiteRTRecognizer(converted(example, **options))
  features = example.front_end.features(example.samples)
  heard, expected = encoded(recognizer, features), ours(network, features)
  predict = Network(recognizer.signatures["predict"])
  states = tuple(cell.initial_state(1) for cell in network.prediction)
  pairs, scores = [(heard, expected[: len(heard)])], []
  for label in [recognizer.architecture.blank, 3, 0, 3, 7]:
    states, predicted = network.predict(states, np.array([label]))
    found = predict(token=np.array([[label]], np.int32))
    pairs.append((found, predicted))
    logits = recognizer.signatures["joint"](encoded=heard[4:5], predicted=found)["logits"]
    scores.append((logits, network.joint.scores(expected[4:5], predicted)))
  for found, wanted in pairs:
    if scheme == "integer":  # to the bit; ours keeps halves of 32 bits
      np.testing.assert_array_equal(found, np.clip(wanted, -32768, 32767))
    else:
      assert_close(found, wanted, scheme)
  for found, wanted in scores:
    if scheme == "integer":
      assert (np.abs(pairs[0][1][4]) < 32767).all()
      np.testing.assert_array_equal(found, wanted)
    else:
      assert_close(found, wanted, scheme)


def assert_close(found, expected, scheme):
  """Hybrid: LiteRT's dynamic quantization has a zero point, ours none; both round to 8 bits."""
  error, size = np.abs(found - expected), np.std(expected)
  if scheme == "float":
    assert error.max() < 2e-5
  else:
    assert np.sqrt(np.mean(error**2)) < 0.05 * size


@pytest.mark.parametrize(("cell", "scheme", "options"), MODELS)
@pytest.mark.parametrize("piece", [1600, 1111])
def test_tokens_from_samples_on(spoken, talkative, tmp_path, cell, scheme, options, piece):
  example = talkative(spoken(cell, scheme))
  container = example.open(tmp_path)
  recognizer = LiteRTRecognizer(converted(example, **options))
  stream = recognizer.stream()
  rng = np.random.default_rng(2)
  loudness = np.repeat(rng.uniform(0, 0.3, 30), 800).astype(np.float32)
  samples = loudness * rng.standard_normal(24000).astype(np.float32)
  for begin in range(0, len(samples), piece):
    stream.accept(samples[begin : begin + piece])
  stream.finish()
  reference = Recognizer(container, engine="reference").stream()
  reference.accept(samples)
  reference.finish()
  assert len(reference.tokens) > 3
  if scheme == "hybrid":  # a random model's search is chaotic: one score decides all that follow
    assert len(stream.tokens) > 3
  else:
    assert [tuple(each) for each in stream.tokens] == [tuple(each) for each in reference.tokens]
    assert stream.text == reference.text


def test_a_stream_does_not_remember_the_one_before(spoken, talkative):
  for options in ({}, {"plain": True}):
    example = talkative(spoken("lstm", "float"))
    recognizer = LiteRTRecognizer(converted(example, **options))
    heard = []
    for _ in range(2):
      stream = recognizer.stream()
      stream.accept(example.samples)
      stream.finish()
      heard.append(stream.tokens)
    assert heard[0] == heard[1]


def test_hybrid_from_a_float_file(spoken, tmp_path):
  example = spoken("lstm", "float", encoder_cells=64)
  content = converted(example, hybrid=True)
  assert len(content) < 0.6 * len(converted(example))
  network = reference_network(example.open(tmp_path))
  features = example.front_end.features(example.samples)
  heard, expected = encoded(LiteRTRecognizer(content), features), ours(network, features)
  error = heard - expected[: len(heard)]
  assert 0 < np.sqrt(np.mean(error**2)) < 0.1 * np.std(expected)


def test_blocks_of_16x1_stay_sparse(spoken, tmp_path):
  sizes = {"feature_dim": 24, "encoder_projection": 32, "encoder_cells": 48}
  example = spoken("lstm", "hybrid", block=(16, 1), **sizes)
  whole = len(converted(example))
  tensors, rng = dict(example.frozen.tensors), np.random.default_rng(0)
  for layer in example.frozen.architecture.encoder:
    kernel = tensors[f"{layer.path}/kernel"].copy()
    for begin in range(layer.input_dim, len(kernel), 16):
      kernel[begin : begin + 16, rng.random(kernel.shape[1]) < 0.8] = 0
    tensors[f"{layer.path}/kernel"] = kernel
  pruned = type(example).__new__(type(example))
  vars(pruned).update(vars(example) | {"frozen": example.frozen._replace(tensors=tensors)})
  content = converted(pruned)
  assert len(content) < 0.9 * whole
  network = reference_network(pruned.open(tmp_path))
  features = example.front_end.features(example.samples)
  heard, expected = encoded(LiteRTRecognizer(content), features), ours(network, features)
  assert_close(heard, expected[: len(heard)], "hybrid")


def test_the_same_model_gives_the_same_bytes(spoken):
  assert converted(spoken("cifg", "integer")) == converted(spoken("cifg", "integer"))


@pytest.mark.parametrize(
  ("cell", "scheme", "options", "reason"),
  [
    ("sru", "integer", {}, "no integers for an SRU: export a float or hybrid"),
    ("lstm", "integer", {"plain": True}, "no integers for plain operators"),
    ("sru", "float", {"hybrid": True}, "from a float device file of LSTM or CIFG"),
    ("lstm", "hybrid", {"hybrid": True}, "a hybrid device file keeps its own"),
  ],
)
def test_what_litert_has_no_operators_for(spoken, cell, scheme, options, reason):
  with pytest.raises(NotExportable, match=reason):
    converted(spoken(cell, scheme), **options)


def test_another_tflite_file(tmp_path):
  from edge_rnnt.export.litert_graph import Model

  path = tmp_path / "other.tflite"
  path.write_bytes(Model("of another kind").to_bytes())
  with pytest.raises(ValueError, match=r"other\.tflite: .*not one that python -m edge_rnnt.export"):
    LiteRTRecognizer.open(path)
