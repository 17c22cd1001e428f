"""Speech Commands from a tiny archive of its exact layout, on loopback."""

import io
import pathlib
import tarfile

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data import speech_commands
from data.download import DownloadError
from data.prepared_tfds import tfds_source

# Speaker -> where the lists put them; the real archive splits by the hash of the speaker, too.
SPEAKERS = {"0a7c2a8d": "train", "1b4c9b89": "train", "0132a06d": "dev", "00176480": "test"}
WORDS = ("yes", "bed", "nine")


def samples(word, speaker):
  seed = WORDS.index(word) * 10 + list(SPEAKERS).index(speaker)
  return np.random.default_rng(seed).integers(-3000, 3000, 8000 + 10 * seed).astype(np.int16)


def wav(data):
  file = io.BytesIO()
  soundfile.write(file, data, 16000, format="WAV")
  return file.getvalue()


def pack(leave_out=()):
  """Recordings before, between and after the lists, as in the real archive."""
  contents = {"./README.md": b"# Speech Commands", "./LICENSE": b"CC BY"}
  lists = {"dev": [], "test": []}
  for word in WORDS:
    for speaker, split in SPEAKERS.items():
      name = f"{word}/{speaker}_nohash_0.wav"
      contents[f"./{name}"] = wav(samples(word, speaker))
      lists.get(split, []).append(name)
    if word == "bed":
      tested = [f"{each}/00176480_nohash_0.wav" for each in WORDS]
      contents["./testing_list.txt"] = "\n".join(tested).encode()
  contents["./validation_list.txt"] = "".join(f"{name}\n" for name in lists["dev"]).encode()
  contents["./_background_noise_/pink_noise.wav"] = wav(np.ones(90, np.int16))
  packed = io.BytesIO()
  with tarfile.open(fileobj=packed, mode="w:gz") as tar:
    for name, content in contents.items():
      if name not in leave_out:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
  return packed.getvalue()


@pytest.fixture
def build(monkeypatch, tmp_path, publish):
  def prepare(content):
    archive = publish(content, "speech_commands_v0.02.tar.gz")
    monkeypatch.setattr(speech_commands, "ARCHIVE", archive)
    tfds.disable_progress_bar()
    builder = speech_commands.SpeechCommandsFlac(
      data_dir=tmp_path / "tfds", file_format="array_record"
    )
    builder.download_and_prepare()
    return builder

  return prepare


def test_address_size_and_checksum_are_those_of_tfds_own_builder():
  folder = tfds.core.tfds_path() / "datasets" / "speech_commands"
  lines = [line.split("\t") for line in (folder / "checksums.tsv").read_text().splitlines()]
  archive = speech_commands.ARCHIVE
  assert [archive.url, str(archive.size), archive.sha256, archive.name] in lines


def test_downloaded_prepared_and_read(build):
  builder = build(pack())
  folder = pathlib.Path(builder.data_path)
  for split in ("train", "dev", "test"):
    speakers = {speaker for speaker, where in SPEAKERS.items() if where == split}
    source = tfds_source(folder, split, 16000)
    found = set()
    for item in range(len(source)):
      example = source[item]
      assert example.id == f"{example.text}/{example.speaker}_nohash_0"
      np.testing.assert_array_equal(example.samples * 32768, samples(example.text, example.speaker))
      found.add((example.text, example.speaker))
    assert found == {(word, speaker) for word in WORDS for speaker in speakers}
    records = builder.as_data_source(split=split)  # the same through TFDS itself
    ids = {record["id"].decode() for record in records}
    assert ids == {source.id(item) for item in range(len(source))}


def test_an_archive_of_something_else_is_refused(build):
  with pytest.raises(DownloadError, match=r"has no validation_list\.txt: it is not the archive"):
    build(pack(leave_out=("./validation_list.txt",)))


def test_a_damaged_archive_is_named(build):
  with pytest.raises(DownloadError, match=r"v0\.02\.tar\.gz is damaged"):
    build(pack()[:2000])
