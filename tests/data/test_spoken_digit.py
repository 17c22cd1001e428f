"""Download, prepare and read the spoken digits, from an archive on loopback."""

import collections
import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from data import spoken_digit
from data.download import DownloadError
from data.prepared_tfds import tfds_source
from edge_rnnt.inputs.dataset import Source


@pytest.fixture
def build(monkeypatch, tmp_path):
  def prepare(archive):
    monkeypatch.setattr(spoken_digit, "ARCHIVE", archive)
    builder = spoken_digit.SpokenDigitFlac(data_dir=tmp_path / "tfds", file_format="array_record")
    builder.download_and_prepare()
    return builder

  return prepare


def test_the_address_is_that_of_tfds_own_builder():
  folder = tfds.core.tfds_path() / "datasets" / "spoken_digit"
  url, size, sha256, _ = (folder / "checksums.tsv").read_text().strip().split("\t")
  ours = spoken_digit.ARCHIVE
  assert (ours.url, ours.size, ours.sha256) == (url, int(size), sha256)


def test_download_prepare_and_read(build, publish, digit_archive, digit_samples, web):
  builder = build(publish(digit_archive()))
  places = collections.defaultdict(set)
  for split in ("train", "dev", "test"):
    records = builder.as_data_source(split=split)
    assert len(records) == len({record["id"] for record in records})
    for record in records:
      digit, speaker, take = record["id"].decode().split("_")
      expected = digit_samples(int(digit), speaker, int(take))
      np.testing.assert_array_equal(record["audio"], expected)
      assert record["text"].decode() == spoken_digit.WORDS[int(digit)]
      places[speaker].add(split)
  assert places == {
    "george": {"train"},
    "jackson": {"train"},
    "lucas": {"dev"},
    "yweweler": {"dev"},
    "theo": {"test"},
  }
  build(publish(digit_archive()))
  assert len(web.requests) == 1  # what is prepared is not fetched again


def test_read_by_another_process_without_tensorflow(build, publish, digit_archive):
  folder = build(publish(digit_archive(takes=1))).data_path
  code = f"""
import sys, tensorflow_datasets as tfds
records = tfds.builder_from_directory({str(folder)!r}).as_data_source(split="test")
print(len(records), records[0]["audio"].dtype, "tensorflow" in sys.modules)
"""
  ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
  assert ran.stdout == "10 int16 False\n", ran.stderr


def test_as_a_source(build, publish, digit_archive, digit_samples):
  folder = pathlib.Path(build(publish(digit_archive(takes=1))).data_path)
  source = tfds_source(folder, "test", 8000)
  assert isinstance(source, Source) and len(source) == 10
  for index in range(10):
    example = source[index]
    digit = spoken_digit.WORDS.index(example.text)
    assert (example.id, example.speaker) == (f"{digit}_theo_0", "theo")
    np.testing.assert_array_equal(example.samples * 32768, digit_samples(digit, "theo", 0))
    assert source.seconds(index) == len(example.samples) / 8000
  uncached = tfds_source(folder, "test", 8000, cache_bytes=0)
  np.testing.assert_array_equal(uncached[3].samples, source[3].samples)
  doubled = tfds_source(folder, "test", 16000)
  assert doubled.seconds(0) == pytest.approx(source.seconds(0), abs=1e-3)
  assert len(doubled[0].samples) == 2 * len(source[0].samples)


def test_a_damaged_archive_is_named(tmp_path, digit_archive):
  whole = digit_archive(takes=1)
  for number, damaged in enumerate([whole[: len(whole) // 2], b"<html>not found</html>"]):
    path = tmp_path / f"{number}.tar.gz"
    path.write_bytes(damaged)
    with pytest.raises(DownloadError, match=rf"{number}.tar.gz is damaged \(.*delete it and run"):
      list(spoken_digit.recordings(path))


def test_an_archive_of_something_else_says_what_was_expected(build, publish, digit_archive):
  with pytest.raises(DownloadError, match="no recordings for dev, test: expected files named"):
    build(publish(digit_archive(speakers=("george",))))


def test_a_changed_archive_is_refused(build, publish, digit_archive, web, tmp_path):
  archive = publish(digit_archive(takes=1))
  web.files["v1.0.9.tar.gz"] = digit_archive(takes=2)
  assert hashlib.sha256(web.files["v1.0.9.tar.gz"]).hexdigest() != archive.sha256
  with pytest.raises(DownloadError, match=r"gave something else .* has been deleted"):
    build(archive)
  assert not list(tmp_path.rglob("*.array_record*"))


def test_no_network(build, unreachable):
  with pytest.raises(DownloadError, match=r"could not download .* Is this machine online\?"):
    build(unreachable)
