"""The graphs for sherpa-onnx against our own engine, and what cannot be exported."""

import dataclasses

import numpy as np
import pytest

from edge_rnnt.device.network import EncoderStream
from edge_rnnt.device.reference import reference_network
from edge_rnnt.export import sherpa, sherpa_graphs
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")
runtime = pytest.importorskip("onnxruntime", reason="runs ONNX models: pip install onnxruntime")

MODELS = [(cell, scheme) for cell in ("lstm", "cifg", "sru") for scheme in ("float", "hybrid")]


def sessions(example, chunk):
  frozen, front_end = example.frozen, example.front_end
  contents = (
    sherpa_graphs.encoder(frozen, front_end, chunk, "a card"),
    sherpa_graphs.decoder(frozen, "a card"),
    sherpa_graphs.joiner(frozen, "a card"),
  )
  return [runtime.InferenceSession(content) for content in contents]


def encode(encoder, frames):
  """Drives the encoder by its metadata alone, as the loader does: [frames, M] -> [T, J]."""
  about = encoder.get_modelmeta().custom_metadata_map
  window, shift = int(about["window_size"]), int(about["chunk_shift"])
  states = [
    np.zeros([1, *(int(about[f"cache_last_{name}_dim{k}"]) for k in (1, 2, 3))], np.float32)
    for name in ("channel", "time")
  ]
  states.append(np.zeros(1, np.int64))
  names, rows = [each.name for each in encoder.get_inputs()], []
  for begin in range(0, len(frames) - window + 1, shift):
    x = frames[None, begin : begin + window].transpose(0, 2, 1)
    given = [x, np.array([window]), *states]
    out, length, *states = encoder.run(None, dict(zip(names, given, strict=True)))
    assert length == out.shape[2] == window // int(about["subsampling_factor"])
    rows.append(out[0].T)
  return np.concatenate(rows)


def ours(network, features):
  stream = EncoderStream(network.encoder, 1)
  encoded = [stream.accept(row[None]) for row in features]
  return np.concatenate([network.joint.encoded(row) for row in encoded if row is not None])


def assert_close(found, expected, scheme):
  """In the hybrid scheme a value on the edge between two integers may go the other way."""
  error = np.abs(found - expected)
  assert np.median(error) < 1e-6 and error.max() < (3e-5 if scheme == "float" else 0.05)


@pytest.mark.parametrize("chunk", [1, 3])
@pytest.mark.parametrize(("cell", "scheme"), MODELS)
def test_the_graphs_compute_what_our_engine_does(spoken, tmp_path, cell, scheme, chunk):
  example = spoken(cell, scheme)
  container = example.open(tmp_path)
  network = reference_network(container)
  encoder, decoder, joiner = sessions(example, chunk)
  frames = example.front_end.log_mel(example.samples)
  expected = ours(network, example.front_end.features(example.samples))
  heard = encode(encoder, frames)
  assert len(heard) >= 15
  assert_close(heard, expected[: len(heard)], scheme)

  about = encoder.get_modelmeta().custom_metadata_map
  shape = (int(about["pred_rnn_layers"]), 1, int(about["pred_hidden"]))
  states = [np.zeros(shape, np.float32)] * 2
  mine = tuple(cell.initial_state(1) for cell in network.prediction)
  for label in [container.architecture.blank, 3, 0, 3, 7]:
    mine, predicted = network.predict(mine, np.array([label]))
    names = [each.name for each in decoder.get_inputs()]
    given = [np.array([[label]], np.int32), np.ones(1, np.int32), *states]
    out, _, *states = decoder.run(None, dict(zip(names, given, strict=True)))
    assert_close(out[:, :, 0], predicted, scheme)
    given = {"encoder_outputs": heard[5][None, :, None], "decoder_outputs": out}
    logits = joiner.run(None, given)[0]
    assert_close(logits.ravel(), network.joint.scores(heard[5:6], predicted)[0], scheme)


@pytest.mark.parametrize(
  "change", [{"stack": 1}, {"stride": 1}, {"mean": None, "std": None, "clip": None}]
)
def test_other_stackings(spoken, tmp_path, change):
  plain = spoken("lstm", "float")
  example = spoken("lstm", "float", feature_dim=6 * change.get("stack", 4))
  front_end = dataclasses.replace(plain.front_end, **change)
  if front_end.mean is None:  # so that gates don't saturate
    front_end = dataclasses.replace(front_end, mean=(-8.0,) * 6, std=(4.0,) * 6)
  example.front_end = front_end
  network = reference_network(example.open(tmp_path))
  encoder = sessions(example, 2)[0]
  heard = encode(encoder, front_end.log_mel(example.samples))
  expected = ours(network, front_end.features(example.samples))
  # The largest error is that of a frame a hop: three times as many steps to carry it on.
  np.testing.assert_allclose(heard, expected[: len(heard)], atol=3e-4)


def test_streams_side_by_side_are_streams_alone(spoken):
  encoder = sessions(spoken("lstm", "hybrid"), 2)[0]
  names = [each.name for each in encoder.get_inputs()]
  rng = np.random.default_rng(0)
  shapes = [[3, *each.shape[1:]] for each in encoder.get_inputs()]
  given = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
  given[1] = given[4] = np.array([12] * 3)
  together = encoder.run(None, dict(zip(names, given, strict=True)))
  for row in range(3):
    alone = encoder.run(None, {k: v[row : row + 1] for k, v in zip(names, given, strict=True)})
    for a, b in zip(together, alone, strict=True):
      np.testing.assert_allclose(a[row], b[0], atol=1e-5)


def test_the_files(spoken, tmp_path):
  example = spoken("cifg", "hybrid")
  args = (example.frozen, example.front_end, example.wordpieces)
  sizes = sherpa.write(tmp_path / "new" / "folder", *args, card="a card")
  files = {path.name: path.stat().st_size for path in (tmp_path / "new" / "folder").iterdir()}
  assert files == sizes and set(files) == set(sherpa.FILES)
  lines = (tmp_path / "new" / "folder" / "tokens.txt").read_text().splitlines()
  assert lines[0] == "<unk> 0" and lines[-1] == "<blk> 11" and len(lines) == 12
  again = sherpa.write(tmp_path / "again", *args, card="a card")
  assert again == sizes
  for name in sherpa.FILES:
    same = (tmp_path / "again" / name).read_bytes()
    assert same == (tmp_path / "new" / "folder" / name).read_bytes()


@pytest.mark.parametrize(
  ("change", "reason"),
  [
    ({"sample_rate": 8000, "high_hz": 4000.0}, "sample_rate 8000, high_hz 4000"),
    ({"low_hz": 60.0}, "low_hz 60.*--config.front_end.low_hz=0.0"),
    ({"high_hz": 7600.0}, "high_hz 7600"),
  ],
)
def test_a_front_end_that_sherpa_onnx_does_not_have(spoken, tmp_path, change, reason):
  example = spoken("lstm", "float")
  front_end = dataclasses.replace(example.front_end, **change)
  with pytest.raises(sherpa.NotExportable, match=reason):
    sherpa.write(tmp_path / "out", example.frozen, front_end, example.wordpieces)
  assert not (tmp_path / "out").exists()


def test_an_integer_model(spoken, tmp_path):
  example = spoken("lstm", "integer")
  with pytest.raises(sherpa.NotExportable, match="export a float or a hybrid"):
    sherpa.write(tmp_path, example.frozen, example.front_end, example.wordpieces)


def test_word_pieces_of_another_model(spoken, tmp_path):
  example = spoken("lstm", "float")
  other = train_wordpieces(["a b"], vocab_size=5, model_type="word")
  assert WordPieces(other).vocab_size != 12
  with pytest.raises(sherpa.NotExportable, match="vocabulary of 4, the model has one of 12"):
    sherpa.write(tmp_path, example.frozen, example.front_end, other)
