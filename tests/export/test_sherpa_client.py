"""sherpa-onnx itself, from samples on, against our engine: its front end, its loop, our graphs."""

import numpy as np
import pytest

from edge_rnnt.device.engine import Recognizer
from edge_rnnt.export import sherpa
from edge_rnnt.export.sherpa_runner import SILENCE_SECONDS, SherpaRecognizer

pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")
pytest.importorskip("sherpa_onnx", reason="runs the exported files: pip install sherpa-onnx")

SILENCE = np.zeros(round(SILENCE_SECONDS * 16000), np.float32)


@pytest.mark.parametrize("scheme", ["float", "hybrid"])
@pytest.mark.parametrize("cell", ["lstm", "cifg", "sru"])
def test_its_client_hears_what_our_engine_hears(spoken, talkative, tmp_path, cell, scheme):
  example = talkative(spoken(cell, scheme))
  container = example.open(tmp_path)
  sherpa.write(tmp_path, example.frozen, example.front_end, example.wordpieces, card="a card")
  theirs = SherpaRecognizer(tmp_path)
  ours = Recognizer(container, max_symbols=sherpa.MAX_SYMBOLS, engine="reference")
  rng = np.random.default_rng(2)
  for number in range(4):
    loudness = np.repeat(rng.uniform(0, 0.3, 30), 800).astype(np.float32)
    samples = loudness * rng.standard_normal(24000).astype(np.float32)
    stream = ours.stream()
    stream.accept(np.concatenate([samples, SILENCE]))
    stream.finish()
    # Its last window is heard only when it is full; ours is filled up with silence.
    expected = [token.id for token in stream.tokens if token.frame < stream.frames - 3]
    assert len(expected) > 3
    assert theirs.recognize(samples, 1600 + 900 * number)[: len(expected)] == expected


def test_a_folder_without_the_files(tmp_path):
  (tmp_path / "encoder.onnx").write_bytes(b"")
  with pytest.raises(FileNotFoundError, match=r"lacks decoder\.onnx, joiner\.onnx, tokens\.txt"):
    SherpaRecognizer(tmp_path)
