"""Lists that lhotse itself wrote (goldens/lhotse_lists.py) are read as lhotse reads them."""

import importlib.util
import json
import pathlib
import shutil

import numpy as np
import pytest

from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.rejected import ManifestError

GOLDENS = pathlib.Path(__file__).resolve().parent / "goldens"
LISTED = json.loads((GOLDENS / "expected.json").read_text(encoding="utf-8"))["cuts"]


@pytest.fixture
def folder(tmp_path):
  """The recordings, and the lists beside them, as their relative paths want it."""
  spec = importlib.util.spec_from_file_location("lhotse_lists", GOLDENS / "lhotse_lists.py")
  maker = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(maker)
  maker.write_recordings(tmp_path)
  for name in ("cuts.jsonl", "changed.jsonl"):
    shutil.copy(GOLDENS / name, tmp_path)
  shutil.copytree(GOLDENS / "kaldi", tmp_path / "kaldi")
  return tmp_path


def test_cuts(folder):
  utterances, report = read_manifest(folder / "cuts.jsonl")
  assert not report.rejected and [each.id for each in utterances] == [e["id"] for e in LISTED]
  for each, expected in zip(utterances, LISTED, strict=True):
    assert each.text == " ".join(" ".join(expected["texts"]).split())
    (speaker, *others) = dict.fromkeys(expected["speakers"])
    assert each.speaker == ("" if others else speaker)  # two people: of nobody known
    checked = check_audio([each], expected["rate"])
    samples = checked.samples[each.id]
    assert len(samples) == expected["samples"] == round(each.seconds * expected["rate"])
    if expected["first"]:
      np.testing.assert_array_equal(samples[:4], expected["first"])


def test_a_cut_at_another_speed_is_refused(folder):
  with pytest.raises(ManifestError, match=r"mono-a\S* is to be changed .*\(Speed\)"):
    read_manifest(folder / "changed.jsonl")


def test_kaldi_directory(folder):
  """The same utterances as the cuts of that recording."""
  utterances, report = read_manifest(folder / "kaldi")
  assert not report.rejected
  cuts = {each.id: each for each in read_manifest(folder / "cuts.jsonl")[0]}
  assert [each.id for each in utterances] == ["mono-a", "mono-b"]
  for each in utterances:
    cut = cuts[each.id]
    assert (each.text, each.speaker, each.start, each.seconds) == (
      cut.text, cut.speaker, cut.start, cut.seconds
    )  # fmt: skip
    samples = [check_audio([of], 8000).samples[each.id] for of in (each, cut)]
    np.testing.assert_array_equal(*samples)
