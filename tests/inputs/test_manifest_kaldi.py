"""Kaldi data directories -> utterances; commands in them are never run."""

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
def recipe(tmp_path):
  """A recipe's folder with audio in it, and data/train, whose paths are relative to the recipe."""
  (tmp_path / "audio").mkdir()
  folder = tmp_path / "data" / "train"
  folder.mkdir(parents=True)
  rng = np.random.default_rng(0)
  for name in ("call", "memo"):
    soundfile.write(tmp_path / "audio" / f"{name}.wav", rng.normal(0, 0.1, 4 * RATE), RATE)
  (folder / "wav.scp").write_text("call audio/call.wav\nmemo audio/memo.wav\n")
  (folder / "text").write_text("call ring  ring\nmemo note it\n")
  (folder / "utt2spk").write_text("call anna\nmemo bert\n")
  return folder


def test_whole_recordings_are_found_from_the_recipes_folder(recipe):
  utterances, report = read_manifest(recipe)
  audio = recipe.parents[1].resolve() / "audio"
  assert utterances == [
    Utterance("call", audio / "call.wav", "ring ring", "anna"),
    Utterance("memo", audio / "memo.wav", "note it", "bert"),
  ]
  assert not report.rejected


def test_segments_are_cut_out_of_their_recording(recipe):
  (recipe / "segments").write_text("b call 1.5 2.25\na call 0 0.5\nlate memo 3.5 9\n")
  (recipe / "text").write_text("a ring\nb ring twice\nlate too late\n")
  utterances, _ = read_manifest(recipe)
  checked = check_audio(utterances, RATE)
  assert [(each.id, each.seconds) for each in checked.utterances] == [("b", 0.75), ("a", 0.5)]
  (lost,) = checked.report.rejected
  assert lost.reason == "segment not in its file" and "(late)" in lost.path
  whole, _ = soundfile.read(recipe.parents[1] / "audio" / "call.wav", dtype="float32")
  for source in (
    ManifestSource(checked.utterances, RATE),
    ManifestSource(checked.utterances, RATE, decoded=checked.samples),
  ):
    np.testing.assert_allclose(source[0].samples, whole[12000:18000], atol=1 / 32768)
    np.testing.assert_allclose(source[1].samples, whole[:4000], atol=1 / 32768)


def test_a_command_is_refused_and_not_run(recipe):
  witness = recipe / "ran"
  (recipe / "wav.scp").write_text(f"call touch {witness} |\n")
  with pytest.raises(ManifestError, match="call is the output of a command"):
    read_manifest(recipe)
  assert not witness.exists()


@pytest.mark.parametrize(
  "segments, message",
  [
    ("a call zero 1", "expected a recording, its begin and its end"),
    ("a call 1", "expected a recording, its begin and its end"),
    ("a nothing 0 1", "which wav.scp lacks"),
  ],
)
def test_broken_segments_are_errors(recipe, segments, message):
  (recipe / "segments").write_text(segments + "\n")
  with pytest.raises(ManifestError, match=message):
    read_manifest(recipe)


def test_an_utterance_without_text_is_named(recipe):
  (recipe / "text").write_text("memo note it\n")
  utterances, report = read_manifest(recipe)
  assert [each.id for each in utterances] == ["memo"]
  assert [each.reason for each in report.rejected] == ["empty transcript"]


def test_segments_to_the_end_and_of_one_channel(recipe):
  """As Kaldi's extract-segments takes them: an end of -1, and a channel behind it."""
  stereo = np.random.default_rng(1).normal(0, 0.1, (2 * RATE, 2)).astype(np.float32)
  soundfile.write(recipe.parents[1] / "audio" / "memo.wav", stereo, RATE, subtype="FLOAT")
  (recipe / "segments").write_text("a call 3.25 -1\nb memo 0.5 1.5 1\nc memo 1 -1 0\n")
  (recipe / "text").write_text("a ring\nb right\nc left\n")
  utterances, report = read_manifest(recipe)
  assert not report.rejected
  checked = check_audio(utterances, RATE)
  assert [(each.id, each.seconds) for each in checked.utterances] == [
    ("a", 0.75), ("b", 1.0), ("c", 1.0)
  ]  # fmt: skip
  right, left = (checked.samples[name] / 32768 for name in "bc")
  np.testing.assert_allclose(right, stereo[RATE // 2 : 3 * RATE // 2, 1], atol=1 / 32768)
  np.testing.assert_allclose(left, stereo[RATE:, 0], atol=1 / 32768)


def test_what_only_the_texts_name_is_rejected(recipe):
  (recipe / "text").write_text("call ring\nmemo note\nlost never recorded\n")
  utterances, report = read_manifest(recipe)
  assert [each.id for each in utterances] == ["call", "memo"]
  (lost,) = report.rejected
  assert (lost.path, lost.reason) == ("lost", "transcript without audio")


@pytest.mark.parametrize("table", ["wav.scp", "text", "utt2spk", "segments"])
def test_a_name_given_twice_is_an_error(recipe, table):
  (recipe / "segments").write_text("call call 0 1\nmemo memo 0 1\n")
  lines = (recipe / table).read_text()
  (recipe / table).write_text(lines + lines.splitlines()[0] + "\n")
  with pytest.raises(ManifestError, match=rf"{table} names call more than once"):
    read_manifest(recipe)


def test_a_directory_without_texts_is_told_so(recipe):
  (recipe / "text").unlink()
  with pytest.raises(ManifestError, match="without its file text"):
    read_manifest(recipe)
