"""Corpora that TFDS prepared, by our builders or its own of LibriSpeech, without TensorFlow.

What the official builder wrote can't be opened through TFDS, whose audio feature needs TensorFlow
even to read; its records are plain, so its description is read with our features in place of
that one.
"""

import json
import os
import pathlib
import struct
from collections.abc import Mapping
from typing import Any

import rich.progress
import tensorflow_datasets as tfds
from array_record.python.array_record_data_source import ArrayRecordDataSource

from data.features import SoundFileAudio
from edge_rnnt.inputs import shards
from edge_rnnt.inputs.records import TfdsSource, index_records
from edge_rnnt.inputs.rejected import ManifestError

OFFICIAL_AUDIO = "tensorflow_datasets.core.features.audio_feature.Audio"
RENAMED = {"speech": "audio", "speaker_id": "speaker"}
"""Fields of the official LibriSpeech -> ours. It keeps text in capitals; ours is lower case."""


def tfds_source(folder: pathlib.Path, split: str, sample_rate: int, **options: Any) -> TfdsSource:
  """A split of a prepared corpus (the folder that holds features.json) at `sample_rate` Hz.

  The first time its index is made, without decoding anything, and kept as SPLIT.index.tsv beside
  the data (or nowhere, where that can't be written). Raises ManifestError for a folder that is no
  such corpus, or has no such split.
  """
  records = StoredRecords(folder, split)
  path = folder / f"{split}.index.tsv"
  if path.is_file():
    index = shards.read_index(path)
  else:
    told = f"Index of {split}"
    stored = (records.stored(number) for number in range(len(records)))
    index = index_records(rich.progress.track(stored, told, total=len(records)))
    if os.access(folder, os.W_OK):
      shards.write_index(path, index)
  try:
    return TfdsSource(records, index, records.rate, sample_rate, **options)
  except ValueError as error:
    raise ManifestError(f"{path}: {error}: remove it") from error


def is_tfds(folder: pathlib.Path) -> bool:
  return (folder / "features.json").is_file() and (folder / "dataset_info.json").is_file()


def describe(folder: pathlib.Path) -> tuple[str, list[str]]:
  """Name of a prepared corpus, and its splits. Raises ManifestError for a folder that is none."""
  try:
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    return info["name"], sorted(each["name"] for each in info.get("splits", ()))
  except (OSError, ValueError, KeyError) as error:
    raise ManifestError(f"{folder} is no corpus prepared by TFDS: {error}") from error


class StoredRecords:
  """The records of a split of a prepared corpus: audio, text, speaker, id.

  rate: Hz of the audio. Raises ManifestError as tfds_source does.
  """

  def __init__(self, folder: pathlib.Path, split: str):
    _, names = describe(folder)
    self._features, self._audio, self.rate = _features(folder)
    self._files = _record_files(folder, names, split)

  def __len__(self) -> int:
    return len(self._files)

  def __getitem__(self, index: int) -> Mapping[str, Any]:
    return _renamed(self._features.deserialize_example_np(self._files[index]))

  def stored(self, index: int) -> Mapping[str, Any]:
    """A record whose audio is as it is stored: bytes where it is a file."""
    skip = {self._audio: tfds.decode.SkipDecoding()}
    return _renamed(self._features.deserialize_example_np(self._files[index], decoders=skip))


class TfRecords:
  """Random access to files of the TFRecord format, which TFDS's default is.

  A record is its length (uint64), a checksum of that (4 bytes), the data, and a checksum of it.
  Raises ManifestError for a file that breaks off. Checksums are not looked at.
  """

  def __init__(self, paths: list[pathlib.Path]):
    self._places = [(path, *place) for path in paths for place in _places(path)]

  def __len__(self) -> int:
    return len(self._places)

  def __getitem__(self, index: int) -> bytes:
    path, begin, length = self._places[index]
    with path.open("rb") as file:
      file.seek(begin)
      return file.read(length)


def _places(path: pathlib.Path) -> list[tuple[int, int]]:
  places, at, size = [], 0, path.stat().st_size
  with path.open("rb") as file:
    while at < size:
      file.seek(at)
      header = file.read(12)
      length = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else size
      places.append((at + 12, length))
      at += 12 + length + 4
  if at > size:
    raise ManifestError(f"{path} breaks off in its record {len(places) - 1}: copy it again")
  return places


def _features(folder: pathlib.Path) -> tuple[tfds.features.FeaturesDict, str, int]:
  """The features with ours in place of the official audio, the audio's name, and its rate."""
  try:
    described = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    fields = described["featuresDict"]["features"]
    audio = next((name for name in ("audio", "speech") if name in fields), "")
    if fields[audio]["pythonClassName"] == OFFICIAL_AUDIO:
      fields[audio], rate = _plain_audio(fields[audio]["audio"])
    features = tfds.features.FeaturesDict.from_json(described)
    if isinstance(features[audio], SoundFileAudio):
      rate = features[audio].sample_rate
    return features, audio, rate
  except (OSError, KeyError, ValueError) as error:
    raise ManifestError(
      f"{folder}/features.json has no audio as our builders or TFDS's LibriSpeech have it: {error}"
    ) from error


def _plain_audio(official: dict) -> tuple[dict, int]:
  rate = int(official["sampleRate"])
  if official.get("lazyDecode"):
    content = {"json": json.dumps({"sample_rate": rate})}
    return {"pythonClassName": "data.features.SoundFileAudio", "jsonFeature": content}, rate
  tensor = {name: official[name] for name in ("shape", "dtype", "encoding")}
  kind = "tensorflow_datasets.core.features.tensor_feature.Tensor"
  return {"pythonClassName": kind, "tensor": tensor}, rate


def _record_files(
  folder: pathlib.Path, names: list[str], split: str
) -> ArrayRecordDataSource | TfRecords:
  if split not in names:
    raise ManifestError(f"{folder} has no split {split!r}, only {', '.join(names)}")
  for kind, opened in (("array_record", ArrayRecordDataSource), ("tfrecord", TfRecords)):
    paths = sorted(folder.glob(f"*-{split}.{kind}-*"))
    if paths:
      return opened([str(path) for path in paths] if kind == "array_record" else paths)
  raise ManifestError(
    f"{folder} has no files of {split} in the formats array_record or tfrecord: prepare it with "
    "one of these"
  )


def _renamed(record: Mapping[str, Any]) -> dict[str, Any]:
  ours = {RENAMED.get(name, name): value for name, value in record.items()}
  if "speech" in record:
    ours["text"] = ours["text"].lower()
  return ours
