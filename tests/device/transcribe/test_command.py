"""The real command line, in processes of its own, on files as they are found."""

import configparser
import importlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "edge_rnnt.device.transcribe"]
SPANS = [(0.5, 0.9), (2.5, 2.8)]
SAID = [{"on": 0.5, "off": 0.9}, {"on": 2.5, "off": 2.8}]


@pytest.fixture
def start(model):
  """Arguments -> the process; the default model is ours."""

  def begin(*arguments, **settings):
    command = [*COMMAND, "--model", str(model), *map(str, arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, **pipes | {"env": environment} | settings)

  return begin


@pytest.fixture
def run(start):
  """Arguments -> (exit code, stdout, stderr)."""

  def finish(*arguments, content=None, **settings):
    if content is not None:
      settings["stdin"] = subprocess.PIPE
    process = start(*arguments, **settings)
    out, err = process.communicate(content, timeout=60)
    return process.returncode, out.decode("utf-8", "surrogateescape"), err.decode()

  return finish


@pytest.fixture
def sound(bursts):
  return bursts(4, SPANS)


def events(out):
  return [json.loads(line) for line in out.splitlines()]


def starts(utterance):
  return {word["text"]: word["start"] for word in utterance["words"]}


def test_files_of_every_kind_say_the_same_in_order(run, bursts, tmp_path):
  sound = bursts(4, SPANS, 16000)
  eight = np.stack([sound] * 8, axis=1)
  soundfile.write(tmp_path / "a.wav", bursts(4, SPANS, 192_000), 192_000, subtype="PCM_24")
  soundfile.write(tmp_path / "b.flac", sound, 16000)
  soundfile.write(tmp_path / "c.ogg", eight, 16000)
  soundfile.write(tmp_path / "d.wav", eight, 16000, subtype="FLOAT")
  soundfile.write(tmp_path / "e.mp3", sound, 16000)
  (tmp_path / "notes.txt").write_text("not audio")
  code, out, err = run("--json", tmp_path, "--threads", 3)
  assert code == 0
  found = events(out)
  assert [each["type"] for each in found] == ["utterance", "utterance", "file"] * 5
  names = [pathlib.Path(each["path"]).name for each in found]
  assert names[::3] == names[1::3] == names[2::3] == ["a.wav", "b.flac", "c.ogg", "d.wav", "e.mp3"]
  for utterances in (found[0::3], found[1::3]):
    assert all(each["text"] == "on off" for each in utterances)
  for index, each in enumerate(each for each in found if each["type"] == "utterance"):
    assert starts(each) == pytest.approx(SAID[index % 2], abs=0.06)
    assert (each["start"], each["end"]) == (each["words"][0]["start"], each["words"][-1]["end"])
  for each in found[2::3]:
    assert each["text"] == "on off on off" and each["utterances"] == 2
    assert each["seconds"] == pytest.approx(4, abs=0.1) and 0 < each["rtf"] < 5
  assert re.search(r"5 files, 20\.\d s of audio in .* on 3 threads \(RTF 0\.\d+", err)


def odd_files(folder, sound):
  """Name -> what is to be said of it (None: nothing)."""
  (folder / "empty.wav").write_bytes(b"")
  soundfile.write(folder / "no_samples.wav", sound[:0], 8000)
  soundfile.write(folder / "one_sample.wav", sound[:1], 8000)
  (folder / "text.wav").write_text("hello")
  (folder / "folder.wav").mkdir()
  broken = sound.copy()
  broken[30_000] = np.nan
  soundfile.write(folder / "nan.wav", broken, 8000, subtype="FLOAT")
  soundfile.write(folder / "cut.wav", sound, 8000)
  content = (folder / "cut.wav").read_bytes()
  (folder / "cut.wav").write_bytes(content[:40_000])
  os.chmod(folder / "cut.wav", 0o644)
  return {
    "empty.wav": "is empty (0 bytes)",
    "no_samples.wav": "holds no samples",
    "one_sample.wav": None,
    "text.wav": "is no audio of a known kind|is not audio of a known kind",
    "folder.wav": "no audio in",
    "nan.wav": "NaN",
    "cut.wav": "cut short",
    "missing.wav": "does not exist",
    "*.none": "no file matches",
  }


def test_odd_files_are_named_and_skipped(run, sound, tmp_path):
  odd = odd_files(tmp_path, sound)
  soundfile.write(tmp_path / "good.wav", sound, 8000)
  code, out, err = run("--json", *(tmp_path / name for name in odd), tmp_path / "good.wav")
  assert code == 1
  skipped = [line for line in err.splitlines() if line.startswith("skipped: ")]
  told = [(name, said) for name, said in odd.items() if said]
  assert len(skipped) == len(told) and f"{len(told)} skipped" in err
  for name, said in told:
    (line,) = [line for line in skipped if str(tmp_path / name) in line]
    assert re.search(said.replace("(", r"\(").replace(")", r"\)"), line)
  ended = {pathlib.Path(e["path"]).name: e for e in events(out) if e["type"] != "utterance"}
  assert ended["good.wav"]["text"] == "on off on off" and ended["one_sample.wav"]["text"] == ""
  assert "NaN" in ended["nan.wav"]["problem"]
  heard = [e for e in events(out) if e["type"] == "utterance" and "nan" in e["path"]]
  assert len(heard) == 2  # what came before it is heard


def test_lines_for_people(run, sound, tmp_path):
  soundfile.write(tmp_path / "a.wav", sound, 8000)
  soundfile.write(tmp_path / "still.wav", np.zeros(8000), 8000)
  code, out, err = run("a.wav", "still.wav", cwd=tmp_path)
  assert code == 0 and "RTF" in err
  assert re.fullmatch(
    r"a\.wav\n  0:00\.\d\d - 0:00\.\d\d  on off\n  0:02\.\d\d - 0:02\.\d\d  on off\n"
    r"still\.wav\n  \(nothing recognized\)\n",
    out,
  )


def test_names_that_are_no_text_come_through(run, sound, tmp_path):
  path = os.fsencode(tmp_path) + b"/\xff caf\xc3\xa9.wav"
  with open(path, "wb") as file:
    soundfile.write(file, sound, 8000, format="WAV")
  code, out, _ = run("--json", tmp_path, env=os.environ | {"PYTHONIOENCODING": "ascii"})
  assert code == 0 and os.fsencode(events(out)[-1]["path"]) == path
  assert run(tmp_path)[0] == 0


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_engines_say_the_same(run, sound, tmp_path, engine):
  from edge_rnnt.device import binding

  soundfile.write(tmp_path / "a.wav", sound, 8000)
  code, out, err = run("--json", "--endpoint", 0, "--engine", engine, tmp_path)
  if engine == "native" and not binding.available():
    assert code == 2 and "not built" in err
    pytest.skip("the native engine is not built")
  assert [each["text"] for each in events(out)] == ["on off on off"] * 2


def test_raw_samples_from_a_pipe(run, bursts):
  sound = bursts(4, SPANS, 11025)
  stereo = np.stack([sound, sound], axis=1)
  samples = (stereo * 32767).astype("<i2").tobytes()
  arguments = ["-", "--json", "--partial", "--rate", 11025, "--channels", 2]
  code, out, _ = run(*arguments, content=samples)
  assert code == 0
  kinds = [each["type"] for each in events(out)]
  assert kinds == ["partial", "partial", "utterance"] * 2 + ["file"]
  texts = [each["text"] for each in events(out)]
  assert texts[:3] == ["on", "on off", "on off"] and texts[-1] == "on off on off"
  assert run("-", "--format", "f32le", content=bursts(4, SPANS).tobytes())[1].count("on off") == 2


@pytest.mark.parametrize(
  ("content", "said"), [(b"", "stdin: holds no samples"), (b"RIFF1234WAVE", "holds an audio file")]
)
def test_a_pipe_without_samples_fails(run, content, said):
  code, out, err = run("-", content=content)
  assert code == 1 and said in err and not out


def test_subtitles_lie_beside_the_audio_or_in_a_folder(run, sound, tmp_path):
  (tmp_path / "in" / "deep").mkdir(parents=True)
  soundfile.write(tmp_path / "in" / "deep" / "a.b.wav", sound, 8000)
  soundfile.write(tmp_path / "in" / "c.flac", sound, 8000)
  assert run("--srt", "in/c.flac", cwd=tmp_path)[0] == 0
  assert run("--srt", "--vtt", "--output", "out", "in", cwd=tmp_path)[0] == 0
  written = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.[sv][rt]t"))
  assert written == [
    "in/c.srt", "out/c.srt", "out/c.vtt", "out/deep/a.b.srt", "out/deep/a.b.vtt"
  ]  # fmt: skip
  text = (tmp_path / "out/deep/a.b.srt").read_text()
  assert (tmp_path / "in/c.srt").read_text() == (tmp_path / "out/c.srt").read_text()
  assert re.match(r"1\n00:00:00,\d{3} --> 00:00:01,\d{3}\non off\n\n2\n00:00:02", text)


def test_subtitles_do_not_replace_each_other_and_need_a_place(run, sound, tmp_path):
  soundfile.write(tmp_path / "a.flac", sound, 8000)
  soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
  code, _, err = run("--srt", "a.flac", "a.wav", cwd=tmp_path)
  assert code == 1 and "a.srt for a.wav: it holds those of a.flac" in err
  assert "on off" in (tmp_path / "a.srt").read_text()
  (tmp_path / "taken").write_text("")
  code, out, err = run("--srt", "--output", "taken", "a.flac", cwd=tmp_path)
  assert code == 1 and "cannot be written" in err and "on off" in out


def test_a_closed_pipe_ends_it_without_a_traceback(start, sound, tmp_path):
  for index in range(30):
    soundfile.write(tmp_path / f"{index}.wav", sound, 8000)
  process = start(tmp_path)
  process.stdout.readline()
  process.stdout.close()
  err = process.stderr.read().decode()
  assert process.wait(30) == 128 + signal.SIGPIPE
  assert "Traceback" not in err and "rror" not in err


def test_ctrl_c_ends_live_audio_with_its_last_words(start, bursts):
  process = start("-", "--json", stdin=subprocess.PIPE)
  process.stdin.write((bursts(3, [(0.5, 0.9), (2.6, 3.0)]) * 32767).astype("<i2").tobytes())
  process.stdin.flush()
  assert json.loads(process.stdout.readline())["text"] == "on off"
  process.send_signal(signal.SIGINT)
  process.stdin.close()  # as the program before the pipe does, which got the signal, too
  rest = events(process.stdout.read().decode())
  assert process.wait(30) == 0
  assert [each["text"] for each in rest] == ["on", "on off on"]


def test_ctrl_c_among_files_says_how_far_it_came(start, bursts, tmp_path):
  soundfile.write(tmp_path / "a.wav", bursts(2, [(0.1, 0.4)]), 8000)
  soundfile.write(tmp_path / "b.flac", np.tile(bursts(4, SPANS), 1000), 8000)
  process = start("--json", "--threads", 2, "--engine", "reference", tmp_path)
  assert json.loads(process.stdout.readline())["text"] == "on off"
  assert json.loads(process.stdout.readline())["type"] == "file"
  process.send_signal(signal.SIGINT)
  _, err = process.communicate(timeout=180)  # a busy machine gets to the next piece of audio late
  assert process.returncode == 130
  assert err.decode().splitlines()[-2:] == [err.decode().splitlines()[-2], "interrupted"]
  assert "1 file, 2.0 s of audio" in err.decode() and "Traceback" not in err.decode()


def test_on_a_terminal_words_appear_while_they_are_said(model, bursts):
  """Through a pseudo-terminal, as a person sees it: "on" before the sound is over."""
  mine, theirs = pty.openpty()
  command = [*COMMAND, "--model", str(model), "-"]
  process = subprocess.Popen(
    command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs,
    env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"},
  )  # fmt: skip
  os.close(theirs)
  samples = (bursts(4, [(0.5, 2.0)]) * 32767).astype("<i2").tobytes()
  process.stdin.write(samples[:16_000])  # a second of it
  process.stdin.flush()
  assert b"  on" in _until(mine, b"  on")
  process.stdin.write(samples[16_000:])
  process.stdin.close()
  assert re.search(rb"0:00\.\d+ - 0:02\.\d+  on off", _until(mine, b"RTF"))
  assert process.wait(30) == 0
  os.close(mine)


def _until(terminal, wanted):
  seen, deadline = b"", time.monotonic() + 30
  while wanted not in seen and time.monotonic() < deadline:
    if select.select([terminal], [], [], 1)[0]:
      seen += os.read(terminal, 4096)
  return seen


@pytest.mark.parametrize(
  ("arguments", "said"),
  [
    ([], "name audio files"),
    (["--mic", "USB", "a.wav"], "name audio files"),
    (["-", "a.wav"], "transcribed alone"),
    (["a.wav", "--rate", "8000"], "describe stdin"),
    (["-", "--rate", "12"], "expected 1000 to 1000000 Hz"),
    (["-", "--channel", "1"], "one of a file's channels"),
    (["a.wav", "--partial"], "those of --json"),
    (["a.wav", "--output", "x"], "folder of --srt"),
    (["--mic", "--srt"], "need a folder"),
    (["a.wav", "--endpoint", "-1"], "expected 0 to 3600 seconds"),
    (["a.wav", "--longest", "0"], "longest is a positive number"),
    (["a.wav", "--threads", "0"], "expected 1 to 256"),
    (["a.wav", "--threads", "all"], "argument --threads: invalid count value: 'all'"),
  ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, said, capsys):
  from edge_rnnt.device.transcribe.options import parse

  with pytest.raises(SystemExit) as stop:
    parse(arguments)
  assert stop.value.code == 2 and said in capsys.readouterr().err


def test_a_file_that_is_no_model_ends_with_its_name(run, sound, tmp_path):
  soundfile.write(tmp_path / "a.wav", sound, 8000)
  code, out, err = run("--model", tmp_path / "a.wav", tmp_path / "a.wav")
  assert code == 2 and str(tmp_path / "a.wav") in err and "Traceback" not in err and not out
  code, out, err = run("--model", tmp_path, tmp_path / "a.wav")
  assert code == 2 and f"{tmp_path}: is no file: name one device file" in err and not out


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_a_closed_end_is_no_end(model, sound, tmp_path, closed):
  """As some services begin their programs; nothing of what is told comes out at another end."""
  soundfile.write(tmp_path / "a.wav", sound, 8000)
  path = "-" if closed == "stdin" else str(tmp_path / "a.wav")
  ends = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}
  command = ["sh", "-c", f'exec "$@" {ends[closed]}', "sh", *COMMAND, "--model", str(model)]
  ran = subprocess.run(
    [*command, "--json", path],
    capture_output=True,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    timeout=60,
  )
  assert ran.returncode == (1 if closed == "stdin" else 0), ran.stderr
  told = [json.loads(line)["type"] for line in ran.stdout.splitlines()]
  assert told == {"stdin": ["error"], "stdout": [], "stderr": ["utterance"] * 2 + ["file"]}[closed]
  assert b"Traceback" not in ran.stderr and bool(ran.stderr) == (closed != "stderr")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_results_that_cannot_be_written_are_told_in_a_line(start, sound, tmp_path):
  soundfile.write(tmp_path / "a.wav", sound, 8000)
  with open("/dev/full", "wb") as full:
    process = start(tmp_path / "a.wav", stdout=full)
    _, err = process.communicate(timeout=60)
  assert process.returncode == 1 and b"Traceback" not in err
  assert b"the results cannot be written: No space left" in err


def test_the_installed_command_is_this_one():
  config = configparser.ConfigParser()
  config.read(ROOT / "setup.cfg")
  name, target = config["options.entry_points"]["console_scripts"].strip().split(" = ")
  module, function = target.split(":")
  assert name == "edge-rnnt-transcribe"
  with pytest.raises(SystemExit) as stop:
    getattr(importlib.import_module(module), function)(["--help"])
  assert stop.value.code == 0


def test_the_device_runs_without_the_training_stack(model, sound, tmp_path):
  """In a fresh interpreter: what transcribing imports holds none of it."""
  soundfile.write(tmp_path / "a.wav", sound, 8000)
  program = (
    "import sys; from edge_rnnt.device.transcribe.command import main;"
    "code = main(sys.argv[1:]);"
    "heavy = {'jax', 'flax', 'optax', 'absl', 'tensorflow', 'grain', 'matplotlib'};"
    "print(code, sorted(heavy & set(sys.modules)))"
  )
  command = [sys.executable, "-c", program, "--model", str(model), str(tmp_path / "a.wav")]
  done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
  assert done.stdout.splitlines()[-1] == "0 []"
