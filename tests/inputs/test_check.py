"""What cannot be used is left out by name; what can is measured and decoded once."""

import numpy as np
import soundfile

from edge_rnnt.inputs.check import Bounds, check_audio
from edge_rnnt.inputs.dataset import ManifestSource
from edge_rnnt.inputs.utterance import Utterance


def utterance(path):
  return Utterance(path.stem, path, "text")


def write(path, samples, rate=16000):
  soundfile.write(path, samples, rate, subtype="PCM_16")
  return utterance(path)


def tone(seconds, rate=16000):
  return 0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)


def test_every_reason_is_found_and_named(tmp_path):
  broken = tmp_path / "broken.flac"
  broken.write_bytes(b"fLaC and then nothing of use")
  utterances = [
    write(tmp_path / "good.wav", tone(1.0)),
    utterance(broken),
    write(tmp_path / "silent.wav", np.zeros(16000)),
    write(tmp_path / "long.wav", tone(3.5)),
    write(tmp_path / "short.wav", tone(0.05)),
    write(tmp_path / "overdriven.wav", np.clip(20 * tone(1.0), -1, 1)),
    write(tmp_path / "stereo.wav", np.stack([tone(0.5), tone(0.5)], 1)),
  ]
  checked = check_audio(utterances, 8000, bounds=Bounds(longest=3.0))
  assert [each.id for each in checked.utterances] == ["good", "stereo"]
  assert [each.seconds for each in checked.utterances] == [1.0, 0.5]
  assert {each.path.split("/")[-1]: each.reason for each in checked.report.rejected} == {
    "broken.flac": "unreadable audio",
    "silent.wav": "silent",
    "long.wav": "too long",
    "short.wav": "too short",
    "overdriven.wav": "overdriven",
  }


def test_what_the_check_decoded_equals_what_the_source_reads(tmp_path):
  checked = check_audio([write(tmp_path / f"{n}.wav", tone(0.3 + n)) for n in range(2)], 8000)
  fresh = ManifestSource(checked.utterances, 8000)
  ready = ManifestSource(checked.utterances, 8000, decoded=checked.samples)
  (tmp_path / "0.wav").unlink()
  np.testing.assert_array_equal(fresh[1].samples, ready[1].samples)
  assert len(ready[0].samples) == 2400  # from memory: its file is gone


def test_the_cache_is_bounded(tmp_path):
  utterances = [write(tmp_path / f"{n}.wav", tone(1.0)) for n in range(3)]
  assert len(check_audio(utterances, 8000, cache_bytes=40_000).samples) == 2  # 16,000 bytes each
