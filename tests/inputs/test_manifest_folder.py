"""Folders as people have them: LibriSpeech and Common Voice extracted, odd names, odd encodings."""

import json
import shutil
import unicodedata

import numpy as np
import pytest
import soundfile

from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.rejected import ManifestError, Rejected
from edge_rnnt.inputs.splits import split
from edge_rnnt.inputs.utterance import Utterance


def write(path, seconds=0.4, rate=8000):
  path.parent.mkdir(parents=True, exist_ok=True)
  soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, round(seconds * rate)), rate)
  return path


def test_librispeech_extracted(tmp_path):
  """Both as a subset's folder and as the one above it; the speaker is in the name."""
  chapter = tmp_path / "LibriSpeech" / "dev-clean" / "84" / "121123"
  names = [f"84-121123-{n:04d}" for n in range(3)]
  for name in names[:2]:
    write(chapter / f"{name}.flac", rate=16000)
  lines = [f"{name} GO {n}'S" for n, name in enumerate(names)]
  (chapter / "84-121123.trans.txt").write_text("\n".join(lines) + "\n")
  (tmp_path / "LibriSpeech" / "README.TXT").write_text("read me")
  utterances, report = read_manifest(tmp_path / "LibriSpeech" / "dev-clean")
  assert utterances == [
    Utterance(f"84/121123/{name}", chapter / f"{name}.flac", f"go {n}'s", "84")
    for n, name in enumerate(names[:2])
  ]
  assert report.rejected == (Rejected(names[2], "transcript without audio", "LibriSpeech"),)
  above, report = read_manifest(tmp_path / "LibriSpeech")
  assert [(each.path, each.text, each.speaker) for each in above] == [
    (each.path, each.text, each.speaker) for each in utterances
  ]
  assert report.counts == {"transcript without audio": 2}  # README.TXT is named, too


def test_librispeech_keeps_its_subsets_apart(tmp_path):
  """Where there are some to train on, to choose by and to test on; else nobody is left out."""
  for number, subset in enumerate(
    ("train-clean-100", "train-other-500", "dev-clean", "test-other")
  ):
    name = f"{number}-7-0000"
    write(tmp_path / subset / str(number) / "7" / f"{name}.flac", rate=16000)
    (tmp_path / subset / str(number) / "7" / f"{number}-7.trans.txt").write_text(f"{name} HELLO\n")
  utterances, _ = read_manifest(tmp_path)
  assert [(each.speaker, each.split) for each in utterances] == [
    ("2", "dev"), ("3", "test"), ("0", "train"), ("1", "train")
  ]  # fmt: skip
  assert split(utterances).rule == "by the manifest's split column"
  shutil.rmtree(tmp_path / "test-other")
  utterances, _ = read_manifest(tmp_path)
  assert {each.split for each in utterances} == {""}


def common_voice(folder, tables):
  header = "client_id\tpath\tsentence\tup_votes"
  for table, rows in tables.items():
    for _, clip, _ in rows:
      write(folder / "clips" / clip, rate=48000) if clip != "lost.mp3" else None
    lines = ["\t".join((*row, "2")) for row in rows]
    (folder / table).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def test_common_voice_extracted(tmp_path):
  common_voice(
    tmp_path,
    {
      "train.tsv": [("aa", "cv_1.mp3", 'Say "please".'), ("aa", "cv_2.mp3", "“Ja” —  nein")],
      "dev.tsv": [("bb", "cv_3.mp3", "Tea?")],
      "test.tsv": [("cc", "cv_4.mp3", "No"), ("cc", "lost.mp3", "Gone")],
      "validated.tsv": [("dd", "cv_5.mp3", "not of a split")],
    },
  )
  utterances, report = read_manifest(tmp_path)
  assert utterances[0] == Utterance(
    "cv_1", tmp_path / "clips" / "cv_1.mp3", 'Say "please".', "aa", "train"
  )
  assert utterances[1].text == "“Ja” — nein" and len(utterances) == 4
  assert [each.reason for each in report.rejected] == ["missing file"]
  splits = split(utterances)
  assert [len(each) for each in (splits.train, splits.dev, splits.test)] == [2, 1, 1]
  assert splits.speaker_disjoint
  checked = check_audio(utterances, 16000)  # MP3 at 48 kHz
  assert len(checked.utterances) == 4 and not checked.report.rejected
  assert all(0.4 <= each.seconds < 0.55 for each in checked.utterances)


def test_common_voice_without_its_splits(tmp_path):
  common_voice(tmp_path, {"validated.tsv": [("dd", "cv_5.mp3", "all of it")]})
  (only,), _ = read_manifest(tmp_path)
  assert (only.split, only.text, only.speaker) == ("", "all of it", "dd")
  (tmp_path / "validated.tsv").write_bytes(b"client_id\tpath\tsentence\nx\ty\tcaf\xe9\n")
  with pytest.raises(ManifestError, match=r"validated\.tsv is not UTF-8 text"):
    read_manifest(tmp_path)
  (tmp_path / "validated.tsv").write_text("client_id\tpath\nx\ty\n")
  with pytest.raises(ManifestError, match=r"validated\.tsv is no table .* no column sentence"):
    read_manifest(tmp_path)


def test_encodings_and_other_kinds(tmp_path):
  write(tmp_path / "a.aiff").with_suffix(".txt").write_text("mac")
  write(tmp_path / "b.WAV").with_suffix(".TXT").write_text("shout", encoding="utf-8-sig")
  write(tmp_path / "c.wav").with_suffix(".txt").write_bytes(b"\xff\xfea\x00")
  (tmp_path / "d.m4a").write_bytes(b"ftypM4A")
  (tmp_path / "d.txt").write_text("phone")
  utterances, report = read_manifest(tmp_path)
  assert [(each.id, each.text) for each in utterances] == [
    ("a", "mac"), ("b", "shout"), ("d", "phone")
  ]  # fmt: skip
  assert [each.reason for each in report.rejected] == ["transcript is not UTF-8 text"]
  checked = check_audio(utterances, 8000)
  assert [each.id for each in checked.utterances] == ["a", "b"]
  assert checked.report.counts == {"unreadable audio": 1}


def test_links_are_followed_and_circles_end(tmp_path):
  """A link to a folder elsewhere is taken; one that leads back, or to nothing, hides nothing."""
  write(tmp_path / "disk" / "a.wav").with_suffix(".txt").write_text("away")
  root = tmp_path / "root"
  write(root / "ben" / "b.wav").with_suffix(".txt").write_text("here")
  (root / "anna").symlink_to(tmp_path / "disk")
  (root / "again").symlink_to(root / "ben")
  (root / "ben" / "up").symlink_to("..")
  (root / "ben" / "lost.wav").symlink_to("nowhere.wav")
  (root / "ben" / "lost.txt").write_text("gone")
  utterances, report = read_manifest(root)
  assert [(each.id, each.text, each.speaker) for each in utterances] == [
    ("anna/a", "away", "anna"), ("ben/b", "here", "ben")
  ]  # fmt: skip
  assert report.rejected == (Rejected(str(root / "ben" / "lost.wav"), "missing file"),)


def test_an_accent_of_two_kinds_is_one_name(tmp_path):
  write(tmp_path / unicodedata.normalize("NFD", "café.wav"))
  (tmp_path / unicodedata.normalize("NFC", "café.txt")).write_text("un café")
  ((only,), report) = read_manifest(tmp_path)
  assert only.text == "un café" and not report.rejected


def test_two_recordings_of_one_text_are_one_too_many(tmp_path):
  write(tmp_path / "a.flac").with_suffix(".txt").write_text("once")
  write(tmp_path / "a.wav")
  utterances, report = read_manifest(tmp_path)
  assert [each.path.name for each in utterances] == ["a.flac"]
  assert report.rejected == (Rejected(str(tmp_path / "a.wav"), "id used twice", "a"),)


def test_folders_named_as_splits_are_splits(tmp_path):
  for name in ("Train/anna/1", "Train/2", "valid/ben/1", "test/cleo/1"):
    write(tmp_path / f"{name}.wav").with_suffix(".txt").write_text("go")
  utterances, _ = read_manifest(tmp_path)
  assert [(each.id, each.split, each.speaker) for each in utterances] == [
    ("Train/2", "train", ""), ("Train/anna/1", "train", "anna"),
    ("test/cleo/1", "test", "cleo"), ("valid/ben/1", "valid", "ben"),
  ]  # fmt: skip
  shutil.rmtree(tmp_path / "valid")
  with pytest.raises(ManifestError, match="names no dev utterance"):
    split(read_manifest(tmp_path)[0])
  write(tmp_path / "zoe" / "1.wav").with_suffix(".txt").write_text("go")
  assert {each.split for each in read_manifest(tmp_path)[0]} == {""}


def test_text_that_is_none_is_named(tmp_path):
  """As JSON can write it; a name that no system takes is missing, not the end."""
  write(tmp_path / "a.wav")
  lines = [
    {"audio_filepath": "a.wav", "text": "\ud800"},
    {"audio_filepath": "a" * 300, "text": "b"},
    {"audio_filepath": "a.wav", "text": "c"},
  ]
  (tmp_path / "list.json").write_text("\n".join(map(json.dumps, lines)))
  utterances, report = read_manifest(tmp_path / "list.json")
  assert [each.text for each in utterances] == ["c"]
  assert [each.reason for each in report.rejected] == [
    "transcript is not UTF-8 text", "missing file"
  ]  # fmt: skip
