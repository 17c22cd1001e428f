"""Noises and rooms: from a folder, from a list, at hand or not; what cannot be used is named."""

import numpy as np
import pytest
import soundfile

from data import sounds
from data.sounds import AT_HAND
from edge_rnnt.inputs.rejected import ManifestError


@pytest.fixture
def folder(tmp_path):
  """Two recordings at different rates, one below, and something else."""
  (tmp_path / "more").mkdir()
  rng = np.random.default_rng(0)
  soundfile.write(tmp_path / "a.wav", rng.normal(0, 0.1, 16000), 16000)
  soundfile.write(tmp_path / "more" / "b.flac", rng.normal(0, 0.1, (4000, 2)), 8000)
  (tmp_path / "readme.txt").write_text("two recordings")
  return tmp_path


def test_a_folder(folder):
  first, second = sounds.sounds(str(folder), "noise", 8000)
  assert (len(first), len(second)) == (8000, 4000)
  stereo, _ = soundfile.read(folder / "more" / "b.flac", dtype="float32")
  np.testing.assert_allclose(second, stereo.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("name, mark", [("list.tsv", "\t"), ("list.csv", ",")])
def test_a_list_names_some(folder, name, mark):
  lines = [mark.join(("kind", "path")), mark.join(("tap", "more/b.flac"))]
  (folder / name).write_text("\n".join(lines) + "\n")
  (only,) = sounds.sounds(str(folder / name), "noise", 8000)
  assert len(only) == 4000


def test_none_were_asked_for():
  assert sounds.sounds("", "noise", 8000) == ()


def test_at_hand_or_not(monkeypatch, folder, tmp_path, capsys):
  monkeypatch.setattr(sounds, "BESIDE_REPOSITORY", tmp_path)
  assert sounds.sounds(AT_HAND, "rir", 8000) == ()
  assert f"No recordings of rir are at hand: {tmp_path / 'rir'}" in capsys.readouterr().out
  (tmp_path / "rir").mkdir()
  (folder / "a.wav").rename(tmp_path / "rir" / "a.wav")
  assert [len(each) for each in sounds.sounds(AT_HAND, "rir", 8000)] == [8000]


def test_the_sets_beside_the_repository(shared_data):
  noises = sounds.sounds(str(shared_data / "noise"), "noise", 8000)
  assert len(noises) == 5 and sum(map(len, noises)) / 8000 == pytest.approx(402.25, abs=0.1)
  assert len(sounds.sounds(str(shared_data / "rir" / "rir.tsv"), "rir", 8000)) == 8


def test_what_cannot_be_used_is_named(folder, tmp_path):
  with pytest.raises(ManifestError, match=r"no recordings at .*typo"):
    sounds.sounds(str(tmp_path / "typo"), "noise", 8000)
  (tmp_path / "empty").mkdir()
  with pytest.raises(ManifestError, match=r"empty holds no recordings: expected \.wav"):
    sounds.sounds(str(tmp_path / "empty"), "noise", 8000)
  (tmp_path / "list.csv").write_text("file\na.wav\n")
  with pytest.raises(ManifestError, match=r"no column path: its first line names \['file'\]"):
    sounds.sounds(str(tmp_path / "list.csv"), "noise", 8000)
  soundfile.write(folder / "mute.wav", np.zeros(800), 8000)
  with pytest.raises(ManifestError, match=r"mute\.wav is silent: it cannot serve as rir"):
    sounds.sounds(str(folder), "rir", 8000)
  (folder / "a.wav").write_bytes(b"broken")
  with pytest.raises(ManifestError, match=r"kind noise: .*a\.wav: is broken"):
    sounds.sounds(str(folder), "noise", 8000)
