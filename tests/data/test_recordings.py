"""Any manifest as a TFDS corpus: read again as it was, by split."""

import pathlib

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data.prepared_tfds import tfds_source
from data.recordings import Recordings
from edge_rnnt.audio.files import read_audio
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.splits import split


def test_written_and_read_again(tmp_path):
  tfds.disable_progress_bar()
  rng = np.random.default_rng(0)
  for speaker in ("anna", "bert", "carl"):
    for number in range(2):
      folder = tmp_path / "own" / speaker
      folder.mkdir(parents=True, exist_ok=True)
      soundfile.write(folder / f"{number}.wav", rng.normal(0, 0.1, 16000), 16000)
      (folder / f"{number}.txt").write_text(f"text of {speaker} {number}")
  splits = split(read_manifest(tmp_path / "own")[0])
  builder = Recordings(
    name="own_speech", splits=splits, sample_rate=8000, data_dir=tmp_path / "tfds"
  )
  builder.download_and_prepare()
  for name in ("train", "dev", "test"):
    source = tfds_source(pathlib.Path(builder.data_path), name, 8000)
    members = {each.id: each for each in getattr(splits, name)}
    assert {source.id(index) for index in range(len(source))} == set(members) and len(members) == 2
    for index in range(len(source)):
      original = members[source.id(index)]
      assert (source.text(index), source.speaker(index)) == (original.text, original.speaker)
      samples = read_audio(original.path, 8000)
      assert source[index].samples == pytest.approx(samples, abs=1 / 32768)
