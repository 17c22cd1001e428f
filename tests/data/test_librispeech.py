"""LibriSpeech from tiny archives of its exact layout: downloaded, put by hand, or extracted."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data import librispeech
from data.download import Archive, DownloadError
from data.prepared_tfds import tfds_source

CHAPTERS = {"84": ("121123", "121550"), "174": ("50561",)}


def samples(name):
  seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
  return np.random.default_rng(seed).integers(-3000, 3000, 4000 + seed % 800).astype(np.int16)


def contents(subset, transcript="before"):
  """Path in the archive -> bytes, in the order in which they lie there."""
  files = {"LibriSpeech/SPEAKERS.TXT": b"; none", "LibriSpeech/README.TXT": b"read me"}
  for speaker, chapters in CHAPTERS.items():
    for chapter in chapters:
      folder = f"LibriSpeech/{subset}/{speaker}/{chapter}"
      names = [f"{speaker}-{chapter}-{number:04d}" for number in range(3)]
      said = "".join(f"{name} {subset.upper()} SAID {name[-1]}'S\n" for name in names)
      sound = {}
      for name in names:
        flac = io.BytesIO()
        soundfile.write(flac, samples(subset + name), 16000, format="FLAC")
        sound[f"{folder}/{name}.flac"] = flac.getvalue()
      words = {f"{folder}/{speaker}-{chapter}.trans.txt": said.encode()}
      files |= words | sound if transcript == "before" else sound | words
  return files


def pack(files):
  packed = io.BytesIO()
  with tarfile.open(fileobj=packed, mode="w:gz") as tar:
    for name, content in files.items():
      member = tarfile.TarInfo(name)
      member.size = len(content)
      tar.addfile(member, io.BytesIO(content))
  return packed.getvalue()


@pytest.fixture
def published(monkeypatch, web):
  """All archives on loopback, some with their transcripts last."""
  archives = {}
  for number, subset in enumerate(librispeech.PUBLISHED):
    packed = pack(contents(subset, ("before", "after")[number % 2]))
    web.files[f"{subset}.tar.gz"] = packed
    digest = hashlib.sha256(packed).hexdigest()
    archives[subset] = Archive(f"{web.url}/{subset}.tar.gz", digest, len(packed))
  monkeypatch.setattr(librispeech, "ARCHIVES", archives)
  return archives


def builder(tmp_path, config="clean100", **options):
  return librispeech.LibriSpeechFlac(
    config=config, data_dir=tmp_path / "tfds", file_format="array_record", **options
  )


def assert_holds(split, subset, made):
  records = made.as_data_source(split=split)
  assert len(records) == 9
  for record in records:
    name = record["id"].decode()
    np.testing.assert_array_equal(record["audio"], samples(subset + name))
    assert record["text"].decode() == f"{subset} said {name[-1]}'s"
    assert record["speaker"].decode() == name.split("-")[0]


def test_addresses_sizes_and_checksums_are_those_of_tfds_own_builder():
  folder = tfds.core.tfds_path() / "datasets" / "librispeech"
  lines = (folder / "checksums.tsv").read_text().split("\n")
  theirs = {
    (url, int(size), sha256)
    for url, size, sha256, _ in (line.split("\t") for line in lines if line)
  }
  assert {(each.url, each.size, each.sha256) for each in librispeech.ARCHIVES.values()} == theirs


def test_split_names_are_those_of_tfds_own_builder():
  names = [librispeech.split_name(subset) for subset in librispeech.PUBLISHED]
  assert names == [
    "dev_clean", "dev_other", "test_clean", "test_other",
    "train_clean100", "train_clean360", "train_other500",
  ]  # fmt: skip


def test_downloaded_and_prepared(tmp_path, published, web):
  made = builder(tmp_path)
  made.download_and_prepare()
  assert set(made.info.splits) == {
    "train_clean100", "dev_clean", "dev_other", "test_clean", "test_other"
  }  # fmt: skip
  assert_holds("train_clean100", "train-clean-100", made)
  assert_holds("dev_other", "dev-other", made)
  assert len(web.requests) == 5  # what the config does not name is not fetched
  source = tfds_source(pathlib.Path(made.data_path), "test_clean", 8000)
  assert source.seconds(0) == pytest.approx(len(source[0].samples) / 8000)


def test_archives_put_by_hand_are_taken_after_their_checksum(tmp_path, published, web):
  folder = tmp_path / "by_hand"
  folder.mkdir()
  for subset in librispeech.HELD_OUT:
    (folder / f"{subset}.tar.gz").write_bytes(web.files[f"{subset}.tar.gz"])
  made = builder(tmp_path, "held_out")
  made.download_and_prepare(download_dir=folder)
  assert_holds("test_other", "test-other", made)
  assert not web.requests
  (folder / "dev-clean.tar.gz").write_bytes(b"something else")
  with pytest.raises(DownloadError, match=r"dev-clean.tar.gz is not what .* Put the right one"):
    builder(tmp_path / "again", "held_out").download_and_prepare(download_dir=folder)
  assert (folder / "dev-clean.tar.gz").read_bytes() == b"something else"  # somebody's: it stays


def test_an_extracted_folder_is_taken_without_any_download(tmp_path, published, web):
  for subset in librispeech.HELD_OUT:
    for name, content in contents(subset).items():
      path = tmp_path / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_bytes(content)
  made = builder(tmp_path, "held_out", extracted=tmp_path / "LibriSpeech")
  made.download_and_prepare()
  assert_holds("dev_clean", "dev-clean", made)
  assert not web.requests
  with pytest.raises(DownloadError, match="has no folder train-clean-100"):
    builder(tmp_path / "x", extracted=tmp_path / "LibriSpeech").download_and_prepare()


def test_a_damaged_archive_is_named(tmp_path, monkeypatch, published, web):
  whole = web.files["dev-clean.tar.gz"]
  cut = whole[: len(whole) // 2]
  web.files["dev-clean.tar.gz"] = cut
  with pytest.raises(DownloadError, match="broke off after"):
    builder(tmp_path, "held_out").download_and_prepare()
  path = tmp_path / "dev-clean.tar.gz"
  path.write_bytes(cut)
  with pytest.raises(DownloadError, match=r"dev-clean\.tar\.gz is damaged"):
    list(librispeech.archive_files(path))


@pytest.mark.parametrize(
  "lose, message",
  [
    (".trans.txt", "9 recordings without text"),
    (".flac", "9 texts without a recording"),
    ("LibriSpeech", "nothing at all"),
  ],
)
def test_sound_and_text_must_belong_to_each_other(tmp_path, lose, message):
  files = {name: each for name, each in contents("dev-clean").items() if lose not in name}
  path = tmp_path / "dev-clean.tar.gz"
  path.write_bytes(pack(files))
  with pytest.raises(DownloadError, match=message):
    list(librispeech.utterances(librispeech.archive_files(path), path))


@pytest.mark.parametrize("damage", ["cut", "no audio", "another rate"])
def test_a_recording_that_cannot_be_used_is_named(tmp_path, published, web, damage):
  files = contents("dev-clean")
  name = "LibriSpeech/dev-clean/84/121123/84-121123-0001.flac"
  flac = io.BytesIO()
  soundfile.write(flac, samples("x"), 8000, format="FLAC")
  bad = {"cut": files[name][:2000], "no audio": b"", "another rate": flac.getvalue()}
  packed = pack(files | {name: bad[damage]})
  web.files["dev-clean.tar.gz"] = packed
  digest = hashlib.sha256(packed).hexdigest()
  archive = Archive(f"{web.url}/dev-clean.tar.gz", digest, len(packed))
  librispeech.ARCHIVES["dev-clean"] = archive  # of the fixture
  with pytest.raises(DownloadError, match=r"dev-clean\.tar\.gz: 84-121123-0001\.flac is broken"):
    builder(tmp_path, "held_out").download_and_prepare()


def test_hidden_files_are_passed_over_and_a_line_without_words_is_named(tmp_path):
  files = contents("dev-clean")
  chapter = "LibriSpeech/dev-clean/174/50561"
  hidden = {f"{chapter}/._174-50561-0000.flac": b"\0", f"{chapter}/._174-50561.trans.txt": b"\xff"}
  path = tmp_path / "dev-clean.tar.gz"
  path.write_bytes(pack(files | hidden))
  assert len(list(librispeech.utterances(librispeech.archive_files(path), path))) == 9
  words = files[f"{chapter}/174-50561.trans.txt"]
  tabbed = words.replace(b" DEV", b"\tDEV")
  path.write_bytes(pack(files | {f"{chapter}/174-50561.trans.txt": tabbed}))
  assert len(list(librispeech.utterances(librispeech.archive_files(path), path))) == 9
  path.write_bytes(pack(files | {f"{chapter}/174-50561.trans.txt": words + b"174-50561-0003 \n"}))
  with pytest.raises(DownloadError, match="174-50561-0003 has no words"):
    list(librispeech.utterances(librispeech.archive_files(path), path))


def test_the_command_line(tmp_path):
  """From an extracted folder; and what it says of one that is not all there."""
  folder = tmp_path / "LibriSpeech"
  for subset in librispeech.HELD_OUT[:3]:
    for name, content in contents(subset).items():
      path = tmp_path / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_bytes(content)
  command = [
    sys.executable, "-m", "data.librispeech", "--subset=held_out", f"--extracted={folder}",
    f"--data_dir={tmp_path / 'tfds'}",
  ]  # fmt: skip
  failed = subprocess.run(command, capture_output=True, text=True, check=False)
  assert failed.returncode == 1 and "has no folder test-other: expected" in failed.stderr
  assert "Traceback" not in failed.stderr
  shutil.copytree(folder / "test-clean", folder / "test-other")
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  assert "dev_clean: 9 utterances" in done.stdout and "Train on it" not in done.stdout
  made = tmp_path / "tfds" / "libri_speech_flac" / "held_out" / "1.0.0"
  assert len(tfds_source(made, "test_other", 16000)) == 9
  nowhere = [*command[:-1], f"--data_dir={folder / 'SPEAKERS.TXT'}"]
  failed = subprocess.run(nowhere, capture_output=True, text=True, check=False)
  assert failed.returncode == 1 and "Traceback" not in failed.stderr and failed.stderr
