"""Recordings in any form -> shards: everything checked and named, resumed after a kill."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from data import at_hand, preparation, prepare_shard
from edge_rnnt.inputs import check, shards
from edge_rnnt.inputs.check import Bounds
from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.utterance import Utterance
from edge_rnnt.text.wordpiece import WordPieces

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATE = 16000
SETTINGS = preparation.Settings(sample_rate=8000, pieces="char", vocab_size=40, shard_utterances=4)


def noise(seconds, seed=0):
  return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE))


@pytest.fixture
def folder(tmp_path):
  """A stranger's folder: six speakers in four formats, and one of everything that can be wrong."""
  root = tmp_path / "in"
  formats = ["wav", "flac", "ogg", "mp3"]
  for speaker in range(6):
    (root / f"s{speaker}").mkdir(parents=True)
    for take in range(4):
      path = root / f"s{speaker}" / f"t{take}.{formats[take]}"
      soundfile.write(path, noise(1.0 + 0.1 * take, seed=10 * speaker + take), RATE)
      path.with_suffix(".txt").write_text(f"Take {'abcd'[take]}.", encoding="utf-8-sig")
  bad = root / "s0"  # whose name's hash puts it into training
  (bad / "broken.flac").write_bytes(b"fLaC and nothing else")
  soundfile.write(bad / "mute.wav", np.zeros(RATE), RATE)
  soundfile.write(bad / "hot.wav", np.sign(noise(1.0)), RATE)
  soundfile.write(bad / "long.wav", noise(40.0), RATE)
  soundfile.write(bad / "blip.wav", noise(0.05), RATE)
  soundfile.write(bad / "dense.wav", noise(0.5), RATE)
  soundfile.write(bad / "untold.wav", noise(0.5), RATE)
  for name in ("broken", "mute", "hot", "long", "blip"):
    (bad / f"{name}.txt").write_text("take e")
  (bad / "dense.txt").write_text("far too many letters for half a second of sound")
  soundfile.write(bad / "latin.wav", noise(0.5), RATE)
  (bad / "latin.txt").write_bytes("fünf".encode("latin-1"))
  soundfile.write(bad / "dots.wav", noise(1.0), RATE)
  (bad / "dots.txt").write_text("... ?!")
  (bad / "phone.m4a").write_bytes(b"\0\0\0\x20ftypM4A nothing else")
  (bad / "phone.txt").write_text("take e")
  (bad / "widow.txt").write_text("take e")
  return root


def reasons(report):
  return {pathlib.Path(each.path).stem: each.reason for each in report.rejected}


def test_everything_wrong_is_counted_and_named_and_the_rest_is_packed(tmp_path, folder):
  out = tmp_path / "out"
  report = preparation.prepare(folder, out, SETTINGS)
  expected = {
    "broken": "unreadable audio",
    "mute": "silent",
    "hot": "overdriven",
    "long": "too long",
    "blip": "too short",
    "untold": "audio without transcript",
    "dense": "text does not fit its frames",
    "latin": "transcript is not UTF-8 text",
    "dots": "no words in its transcript",
    "phone": "unreadable audio",
    "widow": "transcript without audio",
  }
  assert reasons(report) == expected
  summary = json.loads((out / shards.SUMMARY).read_text())
  assert report.accepted == sum(summary["utterances"].values()) == 24
  _, _, *told = (out / "left_out.tsv").read_text().splitlines()
  named = {pathlib.Path(line.split("\t")[0]) for line in told}
  assert {path.stem for path in named} == set(expected) and all(path.is_file() for path in named)


def test_names_that_are_no_text_are_used_and_told_on_one_line(tmp_path, folder):
  """Bytes of another encoding, and a new line, in the names of speakers, recordings and texts."""
  odd = os.fsencode(folder) + b"/s0\n\xe9"
  os.mkdir(odd)
  for name, seconds in ((b"t\xe91", 1.0), (b"t\xe92\n", 0.01)):
    soundfile.write(odd + b"/" + name + b".wav", noise(seconds), RATE)
    with open(odd + b"/" + name + b".txt", "w") as file:
      file.write("take e")
  out = tmp_path / "out"
  report = preparation.prepare(folder, out, SETTINGS)
  assert report.accepted == 25
  used = {
    entry.id for name in preparation.SPLITS for entry in shards.read_index(out / f"{name}.tsv")
  }
  assert r"s0\n\udce9/t\udce91" in used
  told = (out / "left_out.tsv").read_text().splitlines()
  assert rf"{folder}/s0\n\udce9/t\udce92\n.wav" in {line.split("\t")[0] for line in told}
  assert len(told) == 2 + len(report.rejected)


def test_what_was_packed_is_what_was_recorded(tmp_path, folder):
  out = tmp_path / "out"
  preparation.prepare(folder, out, SETTINGS)
  people = []
  for name in preparation.SPLITS:
    source = shards.ShardSource(out, name, 8000)
    people.append({source.speaker(item) for item in range(len(source))})
    for item in range(len(source)):
      example = source[item]
      speaker, take = example.id.split("/")
      assert example.text == f"take {'abcd'[int(take[1])]}" and example.speaker == speaker
      assert source.seconds(item) == pytest.approx(len(example.samples) / 8000)
      padding = 0.15 if take == "t3" else 2e-3  # an MP3 is whole frames, and some more
      assert source.seconds(item) == pytest.approx(1.0 + 0.1 * int(take[1]), abs=padding)
      # Half the rate of white noise has half its power left.
      assert example.samples.std() == pytest.approx(0.1 * np.sqrt(0.5), rel=0.1)
  assert not people[0] & people[1] and not people[0] & people[2] and not people[1] & people[2]
  pieces = WordPieces((out / shards.WORDPIECES).read_bytes())
  assert pieces.unknown_id not in pieces.encode("take abcd")


def test_processes_change_nothing(tmp_path, folder):
  preparation.prepare(folder, tmp_path / "one", SETTINGS, jobs=1)
  preparation.prepare(folder, tmp_path / "two", SETTINGS, jobs=2)
  for name in ("train.tsv", "dev.tsv", "test.tsv", "left_out.tsv", shards.WORDPIECES):
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
  one, two = (shards.ShardSource(tmp_path / each, "train", 8000) for each in ("one", "two"))
  np.testing.assert_array_equal(one[3].samples, two[3].samples)


def test_a_finished_shard_is_not_made_again(tmp_path, folder, capsys):
  out = tmp_path / "out"
  preparation.prepare(folder, out, SETTINGS)
  before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.array_record")}
  (out / shards.SUMMARY).unlink()
  lost = sorted(out.glob("train-*.json"))[1]
  lost.unlink()
  preparation.prepare(folder, out, SETTINGS)
  after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.array_record")}
  assert {name for name in before if before[name] != after[name]} == {f"{lost.stem}.array_record"}


def test_a_killed_run_leaves_nothing_half_valid_and_goes_on(tmp_path, folder):
  out = tmp_path / "out"
  command = [
    sys.executable, "-m", "data.prepare", f"--input={folder}", f"--output={out}",
    "--sample_rate=8000", "--pieces=char", "--vocab_size=40", "--jobs=1",
  ]  # fmt: skip
  for _ in range(3):
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(out.glob("*.part")) and time.monotonic() < deadline:
      time.sleep(0.005)
      if process.poll() is not None:
        break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.returncode == 0:
      break
    assert not shards.is_prepared(out)
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
  assert done.returncode == 0, done.stderr
  preparation.prepare(
    folder, tmp_path / "calm", preparation.Settings(8000, pieces="char", vocab_size=40)
  )
  for name in ("train.tsv", "dev.tsv", "test.tsv", "left_out.tsv", shards.WORDPIECES):
    assert (out / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


@pytest.mark.parametrize("how", ["killed alone", "Ctrl-C"])
def test_no_process_outlives_a_stopped_run(tmp_path, folder, how):
  """Left behind, one would write into the next run's shards. Ctrl-C buries nobody in tracebacks."""
  out = tmp_path / "out"
  for copy in range(300):  # more than it gets through before it is stopped
    (folder / f"s{copy % 6}" / f"more{copy}.flac").symlink_to(folder / "s0" / "t1.flac")
    (folder / f"s{copy % 6}" / f"more{copy}.txt").write_text("take b")
  command = [sys.executable, "-m", "data.prepare", f"--input={folder}", f"--output={out}"]
  pipe = subprocess.PIPE
  process = subprocess.Popen(
    command, cwd=ROOT, start_new_session=True, stdout=pipe, stderr=subprocess.STDOUT, text=True
  )
  deadline = time.monotonic() + 120
  seen = "*.part" if how == "Ctrl-C" else preparation.BEGUN
  while not list(out.glob(seen)) and process.poll() is None and time.monotonic() < deadline:
    time.sleep(0.005)
  if how == "Ctrl-C":
    os.killpg(process.pid, signal.SIGINT)
  else:
    time.sleep(0.5)  # its processes have begun and wait for work
    os.kill(process.pid, signal.SIGKILL)
  told, _ = process.communicate(timeout=60)  # all who could write into the pipe are gone
  assert process.returncode == (130 if how == "Ctrl-C" else -signal.SIGKILL)
  assert "Traceback" not in told
  assert how != "Ctrl-C" or "Stopped. The same command goes on from there." in told


@pytest.mark.parametrize("taken", ["out", "."])
def test_an_output_that_cannot_be_is_told_in_a_line(tmp_path, folder, taken):
  (tmp_path / "file").write_text("mine")
  out = tmp_path / "file" / taken
  command = [sys.executable, "-m", "data.prepare", f"--input={folder}", f"--output={out}"]
  ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
  assert ran.returncode == 1 and "Traceback" not in ran.stderr
  assert str(tmp_path / "file") in ran.stderr and (tmp_path / "file").read_text() == "mine"


def test_a_run_killed_while_it_wrote_its_note_goes_on(tmp_path, folder):
  out = tmp_path / "out"
  out.mkdir()
  (out / f"{preparation.BEGUN}.k3j_2x.part").write_text("{")
  preparation.prepare(folder, out, SETTINGS)
  assert shards.is_prepared(out) and not list(out.glob("*.part"))


def test_texts_as_they_are(tmp_path, folder):
  settings = dataclasses.replace(SETTINGS, text="as_is")
  report = preparation.prepare(folder, tmp_path / "out", settings)
  source = shards.ShardSource(tmp_path / "out", "train", 8000)
  assert {source.text(item) for item in range(len(source))} >= {"Take a.", "Take b.", "... ?!"}
  assert "no words in its transcript" not in report.counts


def test_hours_in_one_file_are_not_decoded(tmp_path, monkeypatch):
  """Its header tells; an utterance cut from it is another matter."""
  soundfile.write(tmp_path / "day.wav", noise(70.0), RATE)
  whole = Utterance("day", tmp_path / "day.wav", "x")
  decoded = []
  read = check.read_audio
  monkeypatch.setattr(
    check, "read_audio", lambda *args, **kwargs: decoded.append(1) or read(*args, **kwargs)
  )
  (found,) = check.usable([whole], RATE, Bounds())
  assert (found.reason, found.detail) == ("too long", "70.0 s, at most 30 s") and not decoded
  cut = dataclasses.replace(whole, segment=True, start=60.0, seconds=2.0)
  (found,) = check.usable([cut], RATE, Bounds())
  assert len(found) == 2 * RATE and decoded


def test_other_settings_or_recordings_need_another_folder(tmp_path, folder):
  out = tmp_path / "out"
  preparation.prepare(folder, out, SETTINGS)
  with pytest.raises(ManifestError, match="give another --output"):
    preparation.prepare(folder, out, preparation.Settings(sample_rate=8000))
  stranger = tmp_path / "home"
  stranger.mkdir()
  (stranger / "letter.txt").write_text("dear")
  with pytest.raises(ManifestError, match="is not empty"):
    preparation.prepare(folder, stranger, SETTINGS)
  assert [path.name for path in stranger.iterdir()] == ["letter.txt"]


def test_a_split_with_nothing_usable_is_an_error_that_says_where_to_look(tmp_path, folder):
  strict = preparation.Settings(8000, Bounds(longest=0.9), pieces="char", vocab_size=40)
  with pytest.raises(ManifestError, match=r"left_out\.tsv names every recording"):
    preparation.prepare(folder, tmp_path / "out", strict)
  assert "too long" in (tmp_path / "out" / "left_out.tsv").read_text()


def test_segments_of_one_file_stay_in_one_shard(tmp_path):
  call, memo = tmp_path / "call.wav", tmp_path / "memo.wav"
  cuts = [
    Utterance(f"{path.stem}-{n}", path, "x", seconds=0.2, start=0.2 * n, segment=True)
    for path in (call, memo)
    for n in range(5)
  ]
  planned = prepare_shard.plan("train", cuts, 2, tmp_path, 8000, Bounds())
  assert [{each.path for each in shard.members} for shard in planned] == [{call}, {memo}]


def test_training_takes_the_folder_and_its_word_pieces(tmp_path, folder):
  out = tmp_path / "out"
  preparation.prepare(folder, out, SETTINGS)
  found = at_hand.resolve(
    data_dir=out, shared=None, cache_dir=tmp_path, online=False, sample_rate=8000
  )
  assert found.kind == "own" and len(found.train["own"]) > 10
  assert found.wordpieces == (out / shards.WORDPIECES).read_bytes()


def test_a_damaged_folder_is_refused_by_name(tmp_path, folder):
  out = tmp_path / "out"
  preparation.prepare(folder, out, SETTINGS)
  index = out / "train.tsv"
  kept = index.read_text()
  index.write_text("shard\twhat\n")
  with pytest.raises(ManifestError, match="is no index"):
    shards.ShardSource(out, "train", 8000)
  index.write_text(kept)
  (out / "train-00001.array_record").unlink()
  with pytest.raises(ManifestError, match="lacks train-00001"):
    shards.ShardSource(out, "train", 8000)
  summary = json.loads((out / shards.SUMMARY).read_text())
  (out / shards.SUMMARY).write_text(json.dumps(summary | {"version": 9}))
  with pytest.raises(ManifestError, match="format 9"):
    shards.ShardSource(out, "dev", 8000)


@pytest.mark.parametrize("pieces, size", [("char", 29), ("bpe", 512), ("bpe", 4096)])
def test_word_pieces_are_the_same_in_another_process(tmp_path, pieces, size):
  """From characters to the paper's 4096: made of the texts alone, in whatever order they came."""
  rng = np.random.default_rng(0)
  letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
  words = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(6000)]
  texts = [" ".join(rng.choice(words, 12)) for _ in range(1500)]
  settings = preparation.Settings(pieces=pieces, vocab_size=size)
  model = preparation.word_pieces(texts, settings)
  assert WordPieces(model).vocab_size == size
  (tmp_path / "texts").write_text("\n".join(reversed(texts)))
  code = f"""
import pathlib, sys
from data import preparation
texts = pathlib.Path({str(tmp_path / "texts")!r}).read_text().splitlines()
settings = preparation.Settings(pieces={pieces!r}, vocab_size={size})
sys.stdout.buffer.write(preparation.word_pieces(texts, settings))
"""
  ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
  assert ran.stdout == model
