"""RTF: what is counted, and that it is measured on one thread."""

import json

import numpy as np
import pytest
import soundfile

from edge_rnnt.device import bench, binding
from edge_rnnt.device.engine import Recognizer


class Busy(Recognizer):
  """A recognizer that needs known CPU time per chunk."""

  sample_rate, engine = 1000, "reference"

  def __init__(self) -> None:
    self.fed: list[int] = []

  def stream(self) -> "Busy":
    return self

  def accept(self, samples: np.ndarray) -> None:
    self.fed.append(len(samples))

  def finish(self) -> None:
    self.fed.append(-1)


def test_chunks_have_the_stated_length_and_time_is_a_share_of_the_audio(monkeypatch):
  ticks = iter(np.arange(100) * 0.02)  # every accept and finish takes 0.02 s
  monkeypatch.setattr(bench.time, "process_time", lambda: next(ticks))
  recognizer = Busy()
  utterances = [np.zeros(250, np.float32), np.zeros(100, np.float32)]
  result = bench.measure(recognizer, utterances, chunk_seconds=0.1)
  assert recognizer.fed == [100, 100, 50, -1, 100, -1]
  assert result.audio_seconds == 0.35 and result.chunk_seconds == 0.1
  assert result.compute_seconds == pytest.approx(6 * 0.02)
  assert result.rtf == pytest.approx(6 * 0.02 / 0.35)
  assert result.slowest_chunk == pytest.approx(0.02)


def test_no_audio_is_refused(model_file):
  with pytest.raises(ValueError, match="no audio"):
    bench.measure(Recognizer.open(model_file("lstm", "float")), [])


def test_a_fresh_process_measures_on_one_thread(example, model_file, tmp_path):
  path = tmp_path / "a.wav"
  soundfile.write(path, np.tile(example("lstm").utterances[0], 4), 8000)
  result = bench.rtf(model_file("lstm", "integer"), [path])
  assert result.audio_seconds == pytest.approx(1.24)
  assert 0 < result.rtf < 1
  assert result.compute_seconds <= result.wall_seconds * 1.05 + 0.05  # one thread


def test_either_engine_is_measured_and_named(example, model_file, tmp_path):
  path, model = tmp_path / "a.wav", model_file("lstm", "integer")
  soundfile.write(path, np.tile(example("lstm").utterances[0], 4), 8000)
  reference = bench.rtf(model, [path], engine="reference")
  assert reference.engine == "reference"
  if not binding.available():
    pytest.skip("the native engine is not built")
  native = bench.rtf(model, [path])
  assert native.engine == "native" and native.rtf < reference.rtf


def test_a_process_that_fails_says_why(tmp_path):
  with pytest.raises(RuntimeError, match=r"missing\.edge: cannot be read"):
    bench.rtf(tmp_path / "missing.edge", [tmp_path / "a.wav"])


def test_the_command_prints_one_json_object(example, model_file, tmp_path, capsys, monkeypatch):
  path = tmp_path / "a.wav"
  soundfile.write(path, example("lstm").utterances[0], 8000)
  for name, value in bench.ONE_THREAD.items():
    monkeypatch.setenv(name, value)
  bench.main(["--model", str(model_file("lstm", "integer")), "--chunk", "0.05", str(path)])
  assert json.loads(capsys.readouterr().out)["chunk_seconds"] == 0.05
