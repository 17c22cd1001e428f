"""Folders and tables -> utterances, and every entry that is not used is named."""

import numpy as np
import pytest
import soundfile

from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.rejected import ManifestError, ManifestReport, Rejected
from edge_rnnt.inputs.utterance import Utterance


def write_wav(path, seconds=0.5, rate=8000, level=0.1):
  path.parent.mkdir(parents=True, exist_ok=True)
  time = np.arange(round(seconds * rate)) / rate
  soundfile.write(path, level * np.sin(2 * np.pi * 440 * time), rate)
  return path


def test_folder_pairs_audio_with_text_and_takes_the_top_folder_as_speaker(tmp_path):
  for name, text in [("anna/one", "Hello  there\n"), ("anna/two", "yes"), ("bert/deep/one", "no")]:
    write_wav(tmp_path / f"{name}.wav").with_suffix(".txt").write_text(text, encoding="utf-8")
  write_wav(tmp_path / "bert" / "wordless.wav")
  utterances, report = read_manifest(tmp_path)
  assert utterances == [
    Utterance("anna/one", tmp_path / "anna/one.wav", "Hello there", "anna"),
    Utterance("anna/two", tmp_path / "anna/two.wav", "yes", "anna"),
    Utterance("bert/deep/one", tmp_path / "bert/deep/one.wav", "no", "bert"),
  ]
  lost = Rejected(
    str(tmp_path / "bert/wordless.wav"),
    "audio without transcript",
    "expected wordless.txt beside it",
  )
  assert report == ManifestReport(3, (lost,))


@pytest.mark.parametrize("suffix, separator", [(".csv", ","), (".tsv", "\t")])
def test_table_with_optional_columns_in_any_order(tmp_path, suffix, separator):
  write_wav(tmp_path / "a.wav")
  write_wav(tmp_path / "b.wav")
  table = tmp_path / f"list{suffix}"
  rows = [
    ["text", "mood", "path", "split", "seconds", "speaker"],
    [
      'say "please"' if suffix == ".tsv" else '"say ""please"""',
      "gay",
      "a.wav",
      "Train",
      "0.5",
      "x",
    ],
    ["go", "sad", "b.wav", "test", "", ""],
  ]
  text = "\n".join(separator.join(row) for row in rows) + "\n"
  table.write_text("\ufeff" + text, encoding="utf-8")  # as spreadsheets write it
  utterances, report = read_manifest(table)
  assert utterances == [
    Utterance("a", tmp_path / "a.wav", 'say "please"', "x", "train", 0.5),
    Utterance("b", tmp_path / "b.wav", "go", "", "test", None),
  ]
  assert report.rejected == ()


def test_folder_with_its_own_table(tmp_path):
  write_wav(tmp_path / "set" / "audio" / "a.wav")
  (tmp_path / "set" / "set.tsv").write_text("path\ttext\naudio/a.wav\thi\n")
  assert [each.id for each in read_manifest(tmp_path / "set")[0]] == ["audio/a"]


def test_bad_entries_are_counted_and_listed(tmp_path):
  write_wav(tmp_path / "a.wav")
  (tmp_path / "t.csv").write_text(
    "path,text,id\na.wav,one,1\ngone.wav,two,2\na.wav,,3\na.wav,x,1\n"
  )
  utterances, report = read_manifest(tmp_path / "t.csv")
  assert [each.text for each in utterances] == ["one"]
  assert report.counts == {"missing file": 1, "empty transcript": 1, "id used twice": 1}
  report.write(tmp_path / "report.tsv")
  written = (tmp_path / "report.tsv").read_text()
  assert "1 utterances used, 3 left out" in written
  assert f"{tmp_path / 'gone.wav'}\tmissing file\t\n" in written


@pytest.mark.parametrize(
  "content, said",
  [
    ("file,text\na.wav,x\n", r"has no column path: its first line names file, text; expected path"),
    ("", "has no column path and text: its first line names nothing"),
    ("path,text\n,x\n", "line 2: the path is empty"),
    ("path,text,seconds\na.wav,x,long\n", "line 2: seconds is 'long', not a number"),
    (b"path,text\na.wav,caf\xe9\n", "is not UTF-8 text"),
    ('path,text\na.wav,"open\nb.wav,"x"\n', "line 3: .*; is a quotation mark not closed"),
    ('path,text\na.wav,"open\n' + "b.wav,x\n" * 20000, "is a quotation mark not closed"),
    ("path,text\na.wav,well, no\n", "can be used: .* 1 more fields than columns; the first:"),
  ],
)
def test_unusable_tables_say_what_was_expected(tmp_path, content, said):
  table = tmp_path / "t.csv"
  table.write_bytes(content if isinstance(content, bytes) else content.encode())
  with pytest.raises(ManifestError, match=said):
    read_manifest(table)


def test_a_row_with_a_loose_comma_is_named_and_not_cut_short(tmp_path):
  """Its text would lose what follows the comma, and its speaker would be a piece of the text."""
  write_wav(tmp_path / "a.wav")
  table = tmp_path / "t.csv"
  table.write_text('path,text,speaker\na.wav,"well, yes",x\na.wav,well, no,y\n')
  ((only,), report) = read_manifest(table)
  assert (only.text, only.speaker) == ("well, yes", "x")
  (lost,) = report.rejected
  assert (lost.path, lost.reason) == (f"{table}, line 3", "more fields than columns")


def test_a_list_of_nothing_usable_names_the_first(tmp_path):
  table = tmp_path / "t.csv"
  table.write_text("path,text\n" + "".join(f"{n}.wav,x\n" for n in range(5)))
  with pytest.raises(ManifestError, match=r"5 left out: 5 missing file; the first:\n.*0\.wav"):
    read_manifest(table)
  table.write_text("path,text\n")
  with pytest.raises(ManifestError, match="holds no recordings: expected some in its lines"):
    read_manifest(table)


def test_no_data_says_what_was_expected(tmp_path):
  with pytest.raises(ManifestError, match=r"no data at .*: expected a folder of audio files"):
    read_manifest(tmp_path / "nothing")
  with pytest.raises(ManifestError, match=r"holds no recordings: expected \.flac"):
    read_manifest(tmp_path)
