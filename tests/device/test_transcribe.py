"""The command: files and folders, JSON, broken files, and no JAX anywhere."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from edge_rnnt.device import microphone, transcribe
from edge_rnnt.device.engine import Recognizer


@pytest.fixture(scope="module")
def recordings(example, tmp_path_factory):
  folder = tmp_path_factory.mktemp("audio")
  samples = example("lstm").utterances[0]
  (folder / "b").mkdir()
  soundfile.write(folder / "c.wav", samples, 8000)
  soundfile.write(folder / "b" / "a.flac", np.stack([samples, samples], axis=1), 8000)
  soundfile.write(folder / "b" / "z.OGG", np.repeat(samples, 2), 16000, format="OGG")
  (folder / "notes.txt").write_text("not audio")
  return folder


@pytest.fixture(scope="module")
def model(model_file):
  return str(model_file("lstm", "integer"))


def test_json_has_a_line_for_every_file_in_order(recordings, model, example, capsys):
  assert transcribe.main(["--model", model, "--json", str(recordings)]) == 0
  out, err = capsys.readouterr()
  lines = [json.loads(line) for line in out.splitlines()]
  names = [recordings / "b" / "a.flac", recordings / "b" / "z.OGG", recordings / "c.wav"]
  assert [line["path"] for line in lines] == [str(name) for name in names]
  stream = Recognizer.open(model).stream()
  stream.accept(soundfile.read(names[2], dtype="float32")[0])
  stream.finish()
  assert lines[2]["text"] == lines[0]["text"] == stream.text
  assert lines[2]["words"] == [{"text": w.text, "start": w.start} for w in stream.words]
  assert all(line["seconds"] == pytest.approx(0.31, abs=0.002) for line in lines)
  assert all(0 < line["rtf"] < 5 for line in lines)
  assert err.startswith("3 files, 0.9 s of audio") and "RTF" in err


def test_plain_output_has_times_before_the_words(recordings, model, capsys):
  assert transcribe.main(["--model", model, str(recordings / "c.wav")]) == 0
  path, words = capsys.readouterr().out.splitlines()
  assert path == str(recordings / "c.wav")
  assert words.strip().startswith("[0.00] ")


def test_a_broken_file_is_named_and_skipped(recordings, model, tmp_path, capsys):
  broken = tmp_path / "broken.wav"
  broken.write_bytes(b"no audio at all")
  missing = tmp_path / "missing.wav"
  code = transcribe.main(
    ["--model", model, "--json", str(broken), str(missing), str(recordings / "c.wav")]
  )
  out, err = capsys.readouterr()
  assert code == 1 and len(out.splitlines()) == 1
  assert f"skipped: {broken}" in err and f"skipped: {missing}" in err and "2 skipped" in err


def test_a_folder_without_audio_is_said_and_fails(model, tmp_path, capsys):
  assert transcribe.main(["--model", model, str(tmp_path)]) == 1
  assert f"no audio in {tmp_path}" in capsys.readouterr().err


def test_a_file_that_is_no_model_ends_with_its_name(recordings, capsys):
  path = str(recordings / "c.wav")
  assert transcribe.main(["--model", path, path]) == 2
  assert path in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--mic", "a.wav"], ["--chunk", "0", "a.wav"]])
def test_arguments_that_make_no_sense_are_refused(model, arguments, capsys):
  with pytest.raises(SystemExit) as stop:
    transcribe.main(["--model", model, *arguments])
  assert stop.value.code == 2 and "usage" in capsys.readouterr().err


def test_interruption_is_clean(recordings, model, monkeypatch, capsys):
  def interrupt(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(transcribe, "transcribe", interrupt)
  assert transcribe.main(["--model", model, str(recordings)]) == 130
  assert "interrupted" in capsys.readouterr().err


def test_microphone_words_appear_once_and_ctrl_c_flushes(model, example, monkeypatch, capsys):
  samples = example("lstm").utterances[0]

  def chunks():
    yield from np.array_split(samples, 5)
    raise KeyboardInterrupt

  class Microphone:
    def __enter__(self):
      return chunks()

    def __exit__(self, *_):
      return False

  monkeypatch.setattr(transcribe, "microphone", lambda *_: Microphone())
  assert transcribe.main(["--model", model, "--mic"]) == 0
  stream = Recognizer.open(model).stream()
  stream.accept(samples)
  stream.finish()
  assert capsys.readouterr().out.strip() == stream.text


class NoDevice:
  """What sounddevice does on a machine without a microphone."""

  class PortAudioError(Exception):
    pass

  def InputStream(self, **_):
    raise self.PortAudioError("Error querying device -1")


@pytest.mark.parametrize(
  ("module", "said"), [(None, "needs the package sounddevice"), (NoDevice(), "found no microphone")]
)
def test_a_missing_microphone_is_said_plainly(model, monkeypatch, capsys, module, said):
  monkeypatch.setitem(sys.modules, "sounddevice", module)
  assert transcribe.main(["--model", model, "--mic"]) == 2
  assert said in capsys.readouterr().err


def test_a_missing_port_audio_is_said_plainly(monkeypatch):
  class Broken:
    def find_spec(self, name, *_):
      if name == "sounddevice":
        raise OSError("PortAudio library not found")

  monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
  monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
  with (
    pytest.raises(microphone.MicrophoneError, match="PortAudio"),
    microphone.microphone(16000, 0.1),
  ):
    pass


def test_the_device_runs_without_the_training_stack(recordings, model):
  """In a fresh interpreter: what transcribing imports holds none of it."""
  program = (
    "import sys; from edge_rnnt.device.transcribe import main;"
    "code = main(sys.argv[1:]);"
    "heavy = {'jax', 'flax', 'optax', 'absl', 'tensorflow', 'grain', 'matplotlib'};"
    "print(code, sorted(heavy & set(sys.modules)))"
  )
  command = [sys.executable, "-c", program, "--model", model, str(recordings / "c.wav")]
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  assert done.stdout.splitlines()[-1] == "0 []"
