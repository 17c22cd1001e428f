"""Prepared corpora are read from where they lie: our own, and those of TFDS's LibriSpeech builder.

The official builder needs TensorFlow, so a stand-in writes the same records with TFDS's own writer,
and its description (features.json) is the official one. That real files of both configs in both
formats are read, too, was seen once: BUILD_NOTES.md.
"""

import io
import json
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data import prepared_tfds
from data.prepared_tfds import tfds_source
from edge_rnnt.inputs.rejected import ManifestError

NAMES = ("84-121123-0000", "84-121123-0001", "174-50561-0000")


def samples(name):
  return np.random.default_rng(NAMES.index(name)).integers(-900, 900, 4000).astype(np.int16)


def flac(name):
  file = io.BytesIO()
  soundfile.write(file, samples(name), 16000, format="FLAC")
  return file.getvalue()


class Official(tfds.core.GeneratorBasedBuilder, skip_registration=True):
  """Records as librispeech 2.1 has them: samples ("default") or files ("lazy_decode")."""

  name = "librispeech"
  VERSION = tfds.core.Version("2.1.2")

  def __init__(self, *, lazy, **options):
    self.lazy = lazy
    super().__init__(**options)

  def _info(self):
    speech = (
      tfds.features.Tensor(shape=(), dtype=np.object_)
      if self.lazy
      else tfds.features.Tensor(shape=(None,), dtype=np.int16)
    )
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(
        {
          "speech": speech, "text": tfds.features.Text(), "speaker_id": np.int64,
          "chapter_id": np.int64, "id": np.str_,
        }
      ),
    )  # fmt: skip

  def _split_generators(self, dl_manager):
    return {"dev_clean": self._generate_examples(), "test_clean": self._generate_examples()}

  def _generate_examples(self):
    for name in NAMES:
      speaker, chapter, number = name.split("-")
      yield (
        name,
        {
          "speech": flac(name) if self.lazy else samples(name),
          "text": f"NUMBER {int(number)}",
          "speaker_id": int(speaker),
          "chapter_id": int(chapter),
          "id": name,
        },
      )


def official_description(lazy):
  """What the official builder writes into features.json of the field speech."""
  audio = {
    "shape": {"dimensions": ["-1"]},
    "dtype": "int16",
    "fileFormat": "flac",
    "sampleRate": "16000",
    "encoding": "NONE",
  }
  content = audio | ({"lazyDecode": True} if lazy else {})
  return {"pythonClassName": prepared_tfds.OFFICIAL_AUDIO, "audio": content}


def to_tfrecord(folder):
  """The same records in TFDS's default format."""
  for path in list(folder.glob("*.array_record-*")):
    records = prepared_tfds.ArrayRecordDataSource([str(path)])
    framed = b"".join(
      struct.pack("<Q4x", len(each)) + each + bytes(4) for each in (records[n] for n in range(3))
    )
    path.with_name(path.name.replace("array_record", "tfrecord")).write_bytes(framed)
    path.unlink()


@pytest.fixture(params=["default", "lazy_decode"])
def official(request, tmp_path):
  tfds.disable_progress_bar()
  lazy = request.param == "lazy_decode"
  builder = Official(lazy=lazy, data_dir=tmp_path, file_format="array_record")
  builder.download_and_prepare()
  folder = pathlib.Path(builder.data_path)
  described = json.loads((folder / "features.json").read_text())
  described["featuresDict"]["features"]["speech"] = official_description(lazy)
  (folder / "features.json").write_text(json.dumps(described))
  return folder


@pytest.mark.parametrize("kind", ["array_record", "tfrecord"])
def test_what_the_official_builder_prepared(official, kind):
  if kind == "tfrecord":
    to_tfrecord(official)
  for _ in range(2):  # the second time with the index that the first has kept
    source = tfds_source(official, "dev_clean", 16000)
    assert sorted(source.id(n) for n in range(3)) == sorted(NAMES)
    for item in range(3):
      example = source[item]
      np.testing.assert_array_equal(example.samples * 32768, samples(example.id))
      assert example.text == f"number {int(example.id[-4:])}"
      assert example.speaker == example.id.split("-")[0]
      assert source.seconds(item) == 0.25
  assert (official / "dev_clean.index.tsv").is_file()
  assert len(tfds_source(official, "test_clean", 8000)[0].samples) == 2000


def test_an_index_is_made_without_decoding(tmp_path, monkeypatch):
  """Of a corpus that keeps files, as ours do."""
  builder = Official(lazy=True, data_dir=tmp_path, file_format="array_record")
  builder.download_and_prepare()
  folder = pathlib.Path(builder.data_path)
  described = json.loads((folder / "features.json").read_text())
  described["featuresDict"]["features"]["speech"] = official_description(lazy=True)
  (folder / "features.json").write_text(json.dumps(described))
  decoded = []
  feature = prepared_tfds.SoundFileAudio
  decode = feature.decode_example_np
  monkeypatch.setattr(
    feature, "decode_example_np", lambda self, data: decoded.append(1) or decode(self, data)
  )
  source = tfds_source(folder, "dev_clean", 16000)
  assert [source.seconds(item) for item in range(3)] == [0.25] * 3 and not decoded
  assert len(source[0].samples) == 4000 and len(decoded) == 1


def test_no_tensorflow(official):
  code = f"""
import pathlib, sys
from data.prepared_tfds import tfds_source
print(len(tfds_source(pathlib.Path({str(official)!r}), "dev_clean", 16000)[1].samples))
print("tensorflow" in sys.modules)
"""
  ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
  assert ran.stdout.splitlines()[-2:] == ["4000", "False"], ran.stderr


def test_what_is_wrong_is_named(official, tmp_path):
  with pytest.raises(ManifestError, match="has no split 'dev', only dev_clean, test_clean"):
    tfds_source(official, "dev", 16000)
  with pytest.raises(ManifestError, match="is no corpus prepared by TFDS"):
    tfds_source(tmp_path / "nowhere", "dev_clean", 16000)
  to_tfrecord(official)
  (cut,) = official.glob("*dev_clean.tfrecord*")
  cut.write_bytes(cut.read_bytes()[:-100])
  with pytest.raises(ManifestError, match="breaks off in its record 2: copy it again"):
    tfds_source(official, "dev_clean", 16000)
  cut.unlink()
  with pytest.raises(ManifestError, match="no files of dev_clean in the formats array_record or"):
    tfds_source(official, "dev_clean", 16000)
  described = json.loads((official / "features.json").read_text())
  described["featuresDict"]["features"]["image"] = described["featuresDict"]["features"].pop(
    "speech"
  )
  (official / "features.json").write_text(json.dumps(described))
  with pytest.raises(ManifestError, match=r"features\.json has no audio as"):
    tfds_source(official, "test_clean", 16000)


def test_an_index_of_other_data_is_found(official):
  tfds_source(official, "dev_clean", 16000)
  index = official / "dev_clean.index.tsv"
  lines = index.read_text().splitlines()
  index.write_text("\n".join(lines[:-1]) + "\n")
  with pytest.raises(ManifestError, match=r"index\.tsv: the index is of 2 records, there are 3"):
    tfds_source(official, "dev_clean", 16000)
