"""Any manifest as a TFDS corpus: read again as it was, by split."""

import pathlib

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data.prepared_tfds import tfds_source
from data.recordings import Recordings, from_manifest
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


def test_common_voice_as_its_makers_split_it(tmp_path):
  """A language as it is extracted: MP3 at 48 kHz, one of them broken."""
  folder = tmp_path / "cv-corpus" / "cy"
  (folder / "clips").mkdir(parents=True)
  rng = np.random.default_rng(0)
  sentences = {"train": ["Un", "Dau"], "dev": ["Tri"], "test": ["Pedwar"]}
  for split_name, texts in sentences.items():
    lines = ["client_id\tpath\tsentence\tup_votes\tdown_votes"]
    for number, text in enumerate(texts):
      clip = f"common_voice_cy_{split_name}{number}.mp3"
      soundfile.write(folder / "clips" / clip, rng.normal(0, 0.1, 24000), 48000, format="MP3")
      lines.append(f"person-{split_name}\t{clip}\t{text}\t2\t0")
    (folder / f"{split_name}.tsv").write_text("\n".join(lines) + "\n")
  (folder / "clips" / "common_voice_cy_train1.mp3").write_bytes(b"no MP3")
  builder, report = from_manifest(
    folder, name="common_voice_cy", sample_rate=16000, data_dir=tmp_path / "tfds"
  )
  builder.download_and_prepare()
  assert report.counts == {"unreadable audio": 1} and report.accepted == 3
  for split_name, texts in sentences.items():
    source = tfds_source(pathlib.Path(builder.data_path), split_name, 16000)
    assert (len(source), source.text(0), source.speaker(0)) == (1, texts[0], f"person-{split_name}")
    clip = read_audio(folder / "clips" / f"{source.id(0)}.mp3", 16000)
    np.testing.assert_allclose(source[0].samples, clip, atol=1 / 32768)
  (record,) = tfds.data_source("common_voice_cy", split="dev", data_dir=tmp_path / "tfds")
  assert record["text"].decode() == "Tri"


def test_a_set_beside_the_repository(shared_data, tmp_path):
  """Some of the read sentences, through TFDS and back."""
  header, *rows = (shared_data / "read" / "read.tsv").read_text().splitlines()
  (tmp_path / "read").mkdir()
  (tmp_path / "read" / "audio").symlink_to(shared_data / "read" / "audio")
  (tmp_path / "read" / "read.tsv").write_text("\n".join([header, *rows[::150]]) + "\n")
  builder, report = from_manifest(
    tmp_path / "read", name="read", sample_rate=16000, data_dir=tmp_path / "tfds"
  )
  builder.download_and_prepare()
  assert report.accepted == len(rows[::150]) == builder.info.splits.total_num_examples
  source = tfds_source(pathlib.Path(builder.data_path), "test", 16000)
  original = read_audio(tmp_path / "read" / f"{source.id(0)}.opus", 16000)
  np.testing.assert_allclose(source[0].samples, original, atol=1 / 32768)
