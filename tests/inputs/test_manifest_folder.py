"""Folders as people have them: LibriSpeech and Common Voice extracted, odd names, odd encodings."""

import shutil

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
