"""NeMo manifests and lhotse cuts -> utterances."""

import gzip
import json

import numpy as np
import pytest
import soundfile

from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.dataset import ManifestSource
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.utterance import Utterance

RATE = 8000


@pytest.fixture
def call(tmp_path):
  """Two seconds of two channels."""
  samples = np.random.default_rng(0).normal(0, 0.1, (2 * RATE, 2)).astype(np.float32)
  soundfile.write(tmp_path / "call.flac", samples, RATE)
  return samples


def write_lines(path, entries):
  text = "\n".join(json.dumps(each) for each in entries) + "\n\n"
  path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
  return path


def cut(**changes):
  """A cut as lhotse 1.x writes it."""
  recording = {
    "id": "call",
    "sources": [{"type": "file", "channels": [0, 1], "source": "call.flac"}],
    "sampling_rate": RATE,
    "num_samples": 2 * RATE,
    "duration": 2.0,
    "channel_ids": [0, 1],
  }
  said = [
    {"id": "s2", "start": 0.4, "duration": 0.3, "text": "there", "speaker": "x"},
    {"id": "s1", "start": 0.0, "duration": 0.4, "text": "hello", "speaker": "x"},
  ]
  return {
    "id": "cut-1",
    "start": 0.5,
    "duration": 1.0,
    "channel": 1,
    "supervisions": said,
    "recording": recording,
    "type": "MonoCut",
  } | changes


def test_nemo_with_and_without_offsets(tmp_path, call):
  path = write_lines(
    tmp_path / "train.json",
    [
      {"audio_filepath": "call.flac", "duration": 2.0, "text": "all  of it", "speaker": 7},
      {"audio_filepath": "call.flac", "offset": 0.5, "duration": 0.25, "text": "part"},
    ],
  )
  utterances, report = read_manifest(path)
  assert utterances == [
    Utterance("call", tmp_path / "call.flac", "all of it", "7", seconds=2.0),
    Utterance(
      "call-2", tmp_path / "call.flac", "part", seconds=0.25, start=0.5, segment=True
    ),
  ]  # fmt: skip
  assert not report.rejected
  checked = check_audio(utterances, RATE)
  source = ManifestSource(checked.utterances, RATE)
  np.testing.assert_allclose(source[1].samples, call.mean(1)[4000:6000], atol=1 / 32768)


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_a_lhotse_cut_takes_its_channel_and_its_supervisions_in_order(tmp_path, call, name):
  utterances, _ = read_manifest(write_lines(tmp_path / name, [cut()]))
  (each,) = utterances
  assert (each.id, each.text, each.speaker, each.channel) == ("cut-1", "hello there", "x", 1)
  checked = check_audio(utterances, RATE)
  np.testing.assert_allclose(
    checked.samples["cut-1"] / 32768, call[4000:12000, 1], atol=1 / 32768
  )  # fmt: skip


@pytest.mark.parametrize(
  "entry, message",
  [
    ({"audio_filepath": "call.flac"}, "line 1: has no 'text'"),
    ({"text": "no audio"}, "line 1: has no 'audio_filepath'"),
    (cut(type="MixedCut"), "is a MixedCut"),
    (
      cut(recording={"sources": [{"type": "command", "channels": [0], "source": "touch x"}]}),
      "is a command; expected files",
    ),
    ({"audio_filepath": "call.flac", "text": None}, "line 1: .*; expected a NeMo entry"),
    ([1, 2], "expected an object a line"),
  ],
)
def test_entries_that_cannot_be_used_are_named(tmp_path, call, entry, message):
  with pytest.raises(ManifestError, match=message):
    read_manifest(write_lines(tmp_path / "list.jsonl", [entry]))


def test_times_that_are_none_are_named(tmp_path, call):
  cuts = [{"audio_filepath": "call.flac", "text": "x", "duration": 1.0, "offset": 0.5}]
  cuts += [cuts[0] | {"offset": float("nan")}, cuts[0] | {"duration": float("inf")}]
  utterances, _ = read_manifest(write_lines(tmp_path / "list.json", cuts))
  checked = check_audio(utterances, RATE)
  assert [each.start for each in checked.utterances] == [0.5]
  assert checked.report.counts == {"segment not in its file": 2}


def test_a_byte_order_mark_and_other_ends_of_lines_in_texts(tmp_path, call):
  entry = {"audio_filepath": "call.flac", "text": "one\u2028two\u0085three"}
  written = "\ufeff" + json.dumps(entry, ensure_ascii=False) + "\r\n"
  (tmp_path / "list.json").write_text(written, encoding="utf-8")
  ((only,), _) = read_manifest(tmp_path / "list.json")
  assert only.text == "one two three"


def test_a_broken_line_and_a_broken_archive_are_named(tmp_path):
  (tmp_path / "list.json").write_text('{"audio_filepath": "a.wav"\n')
  with pytest.raises(ManifestError, match="line 1 is no JSON"):
    read_manifest(tmp_path / "list.json")
  (tmp_path / "deep.json").write_text("[" * 100_000)
  with pytest.raises(ManifestError, match="line 1 is no JSON"):
    read_manifest(tmp_path / "deep.json")
  (tmp_path / "cuts.jsonl.gz").write_bytes(b"\x1f\x8b and nothing more")
  with pytest.raises(ManifestError, match="cannot be read as lines of JSON"):
    read_manifest(tmp_path / "cuts.jsonl.gz")
