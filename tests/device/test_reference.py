"""The NumPy engines against the JAX model: the same numbers in float, near ones in few bits."""

from pathlib import Path

import jax
import numpy as np
import pytest

from edge_rnnt.decode.greedy import greedy
from edge_rnnt.device.container import Container, read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.network import EncoderStream, Network
from edge_rnnt.device.reference import reference_network
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.quant import fake_quant

CELLS = ["lstm", "cifg", "sru"]
IDENTITY = fake_quant.FakeQuant(formats={}, rules=())

TO_FLOAT = [
  ("lstm", "hybrid", 30.5),
  ("lstm", "integer", 28.2),
  ("cifg", "hybrid", 32.4),
  ("cifg", "integer", 28.4),
  ("sru", "hybrid", 36.7),
  ("sru", "integer", 29.9),
]
TO_FAKE_QUANT = [("lstm", "hybrid", 36.7), ("lstm", "integer", 33.7), ("sru", "integer", 30.0)]


def encode(network: Network, frames: np.ndarray) -> np.ndarray:
  """All encoded rows [B, T2, P] in the network's own numbers; padding is zeros, as in training."""
  stream = EncoderStream(network.encoder, len(frames))
  rows = [stream.accept(frames[:, time]) for time in range(frames.shape[1])] + [stream.finish()]
  return np.stack([row for row in rows if row is not None], axis=1)


def valid(example, encoded: np.ndarray) -> np.ndarray:
  """The rows that lie within their utterance."""
  lengths = (example.lengths + 1) // 2
  return encoded[np.arange(encoded.shape[1]) < lengths[:, None]]


def sqnr(exact: np.ndarray, approximate: np.ndarray) -> float:
  """Signal to quantization noise in dB."""
  return 10 * np.log10((exact**2).sum() / ((exact - approximate) ** 2).sum())


def model_encode(example, tap) -> np.ndarray:
  """The JAX encoder's rows through a tap."""
  encode = jax.jit(lambda *args: RNNT(example.config).apply(*args, method="encode"))
  encoded, _ = encode({"params": example.params}, example.frames, example.lengths, tap)
  return valid(example, np.asarray(encoded))


def real(container: Container, name: str, stored: np.ndarray) -> np.ndarray:
  """The numbers that an integer network's rows stand for."""
  if container.scheme != "integer":
    return stored
  scale, zero = container.activations[name]
  return (stored.astype(np.float64) - zero) * scale


def encoded_by(example, path: Path) -> np.ndarray:
  container = read(path)
  rows = valid(example, encode(reference_network(container), example.frames))
  return real(container, "encoder/layer_1/output", rows)


@pytest.mark.parametrize("cell", CELLS)
def test_float_engine_equals_the_jax_model(example, model_file, cell):
  example, path = example(cell), model_file(cell, "float")
  exact = model_encode(example, IDENTITY)
  np.testing.assert_allclose(encoded_by(example, path), exact, atol=1e-5)


def test_float_engine_finds_the_tokens_of_the_jax_search(example, model_file):
  example, recognizer = example("lstm"), Recognizer.open(model_file("lstm", "float"))
  found = greedy(RNNT(example.config), example.params, example.frames, example.lengths)
  features = [row[:length] for row, length in zip(example.frames, example.lengths, strict=True)]
  for stream, tokens in enumerate(recognizer._lock_step(features)):
    count = int(found.counts[stream])
    assert count > 5
    assert [token.id for token in tokens] == np.asarray(found.tokens[stream, :count]).tolist()
    assert [token.frame for token in tokens] == np.asarray(found.frames[stream, :count]).tolist()


@pytest.mark.parametrize(("cell", "scheme", "measured"), TO_FLOAT)
def test_few_bits_are_near_float(example, model_file, cell, scheme, measured):
  """SQNR of the encoder's output in dB, two layers deep with random weights."""
  example = example(cell)
  exact, got = (encoded_by(example, model_file(cell, s)) for s in ("float", scheme))
  assert sqnr(exact, got) > measured - 2


@pytest.mark.parametrize(("cell", "scheme", "measured"), TO_FAKE_QUANT)
def test_fake_quant_foretells_the_engine(example, model_file, cell, scheme, measured):
  """SQNR between the two in dB: they differ in how sums round, not in any format."""
  example = example(cell)
  tap = fake_quant.hybrid()
  if scheme == "integer":
    tap = fake_quant.integer(
      example.ranges, encoder_cell=cell, prediction_cell=cell, layer_norm=True
    )
  expected, got = model_encode(example, tap), encoded_by(example, model_file(cell, scheme))
  assert sqnr(expected, got) > measured - 2


def test_integer_scores_rank_as_the_real_joint_does(example, model_file):
  """int32 scores times their unit are the logits of the numbers that went in, to 40 dB."""
  example, container = example("lstm"), read(model_file("lstm", "integer"))
  joint, rng = reference_network(container).joint, np.random.default_rng(5)
  heard, expected = (rng.integers(-128, 128, (300, width)).astype(np.int8) for width in (16, 8))
  scores = joint.scores(joint.encoded(heard), joint.predicted(expected))
  unit = container.tensor("joint/output_kernel.scale")[0] / 128
  w = example.params["joint"]
  hidden = np.tanh(
    real(container, "encoder/layer_1/output", heard) @ w["encoder"]
    + real(container, "prediction/layer_0/output", expected) @ w["prediction"]
    + w["bias"]
  )
  logits = hidden @ w["output_kernel"] + w["output_bias"]
  assert sqnr(logits, scores * unit) > 38
  assert (scores.argmax(axis=1) == logits.argmax(axis=1)).mean() > 0.98


@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
@pytest.mark.parametrize("cell", CELLS)
def test_pruned_kernels_change_nothing_but_the_size(example, tmp_path, cell, scheme):
  """A file in blocks and one of dense kernels are the same network, bit for bit."""
  example = example(cell)
  params = jax.tree.map(np.copy, example.params)
  for part in ("encoder", "prediction"):
    for layer in params[part].values():
      if isinstance(layer, dict):
        layer["kernel"][16:] = 0
  example = example._replace(params=params)
  small = read(example.write(tmp_path / "small.edge", scheme, block=(8, 1)))
  large = read(example.write(tmp_path / "large.edge", scheme, block=(64, 64)))
  assert "encoder/layer_0/kernel.blocks" in small.stored
  assert "encoder/layer_0/kernel.blocks" not in large.stored
  assert small.path.stat().st_size < large.path.stat().st_size
  rows = [encode(reference_network(container), example.frames) for container in (small, large)]
  assert np.array_equal(*rows)


@pytest.mark.parametrize(("cell", "projection", "measured"), [("lstm", None, 41), ("sru", 16, 31)])
def test_without_layer_norm(example, tmp_path, cell, projection, measured):
  example = example(cell, False, projection)
  exact = model_encode(example, IDENTITY)
  rows = [
    encoded_by(example, example.write(tmp_path / f"{scheme}.edge", scheme))
    for scheme in ("float", "hybrid", "integer")
  ]
  np.testing.assert_allclose(rows[0], exact, atol=1e-5)
  assert sqnr(exact, rows[1]) > measured - 2 and sqnr(exact, rows[2]) > measured - 2
