"""sherpa-onnx itself, from samples on, against our engine: its front end, its loop, our graphs."""

import numpy as np
import pytest

from edge_rnnt.device.engine import Recognizer
from edge_rnnt.export import sherpa

pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")
client = pytest.importorskip(
  "sherpa_onnx", reason="runs the exported files: pip install sherpa-onnx"
)

TAIL = np.zeros(8000, np.float32)  # fills up the encoder's last window


def recognizer(folder, mels: int):
  files = {part: str(folder / f"{part}.onnx") for part in ("encoder", "decoder", "joiner")}
  return client.OnlineRecognizer.from_transducer(
    tokens=str(folder / "tokens.txt"), **files, num_threads=1, feature_dim=mels, sample_rate=16000
  )


def heard_by_sherpa(theirs, samples: np.ndarray, piece: int) -> list[str]:
  """Tokens of samples that come `piece` at a time."""
  stream = theirs.create_stream()
  for begin in range(0, len(samples), piece):
    stream.accept_waveform(16000, samples[begin : begin + piece])
    while theirs.is_ready(stream):
      theirs.decode_stream(stream)
  stream.input_finished()
  while theirs.is_ready(stream):
    theirs.decode_stream(stream)
  return theirs.tokens(stream)


@pytest.mark.parametrize("scheme", ["float", "hybrid"])
@pytest.mark.parametrize("cell", ["lstm", "cifg", "sru"])
def test_its_client_hears_what_our_engine_hears(spoken, talkative, tmp_path, cell, scheme):
  example = talkative(spoken(cell, scheme))
  container = example.open(tmp_path)
  sherpa.write(tmp_path, example.frozen, example.front_end, example.wordpieces, card="a card")
  theirs = recognizer(tmp_path, example.front_end.num_mels)
  ours = Recognizer(container, max_symbols=sherpa.MAX_SYMBOLS, engine="reference")
  rng = np.random.default_rng(2)
  for number in range(4):
    loudness = np.repeat(rng.uniform(0, 0.3, 30), 800).astype(np.float32)
    samples = loudness * rng.standard_normal(24000).astype(np.float32)
    stream = ours.stream()
    stream.accept(np.concatenate([samples, TAIL]))
    stream.finish()
    pieces = ours.wordpieces.pieces
    # Its last window is heard only when it is full; ours is filled up with silence.
    known = [token for token in stream.tokens if token.frame < stream.frames - 3]
    expected = [pieces[token.id].replace("▁", " ").strip() for token in known]
    found = heard_by_sherpa(theirs, np.concatenate([samples, TAIL]), 1600 + 900 * number)
    assert len(expected) > 3
    assert [each.strip() for each in found[: len(expected)]] == expected
