"""Prepared speech on disk: FLAC recordings in ArrayRecord shards, and an index to plan by.

    DIR/prepared.json            written last: sample rate, and how many utterances of what length
    DIR/<split>.tsv              the index: shard, record, samples, speaker, id, text
    DIR/<split>-00000.array_record, ...
    DIR/wordpieces.model

The index holds all that batching needs, so that no record is read before it is trained on.
"""

import csv
import io
import json
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordWriter
from jaxtyping import Int16

from edge_rnnt import whole
from edge_rnnt.inputs.cache import CACHE_BYTES, RecordingCache
from edge_rnnt.inputs.dataset import Example, to_float, to_int16
from edge_rnnt.inputs.rejected import ManifestError

SUMMARY = "prepared.json"
WORDPIECES = "wordpieces.model"
VERSION = 1


class Entry(NamedTuple):
  """A line of the index: `record` of the file `shard`, and what is said there by whom."""

  shard: str
  record: int
  samples: int
  speaker: str
  id: str
  text: str


def write_shard(
  path: pathlib.Path, utterances: Iterable[tuple[Int16[np.ndarray, "N"], str, str, str]], rate: int
) -> list[Entry]:
  """Writes (samples, speaker, id, text) as they come; returns their entries for the index.

  The file appears under its name when it is whole. Raises OSError if it cannot be written.
  """
  part, entries = path.with_suffix(".part"), []
  # Groups of one, so that an utterance alone can be read; FLAC does not compress further.
  writer = ArrayRecordWriter(str(part), "group_size:1,uncompressed")
  try:
    try:
      for record, (samples, speaker, id, text) in enumerate(utterances):
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
        writer.write(file.getvalue())
        entries.append(Entry(path.name, record, len(samples), speaker, id, text))
    finally:
      writer.close()
  except RuntimeError as error:  # what the writer makes of a full disk
    raise OSError(f"{path} cannot be written: {error}") from error
  part.replace(path)
  return entries


def write_index(path: pathlib.Path, entries: Iterable[Entry]) -> None:
  """A table with a header line; it appears under its name when it is whole."""
  lines = io.StringIO()
  table = csv.writer(lines, delimiter="\t", lineterminator="\n")
  table.writerow(Entry._fields)
  table.writerows(entries)
  whole.write_text(path, lines.getvalue())


def read_index(path: pathlib.Path) -> list[Entry]:
  """Raises ManifestError for a file that is no index."""
  try:
    with path.open(encoding="utf-8", newline="") as file:
      header, *rows = csv.reader(file, delimiter="\t")
    if tuple(header) != Entry._fields:
      raise ValueError(f"its columns are {header}")
    return [
      Entry(shard, int(record), int(samples), *words) for shard, record, samples, *words in rows
    ]
  except (OSError, ValueError, TypeError) as error:
    raise ManifestError(f"{path} is no index of prepared speech: {error}") from error


def is_prepared(folder: pathlib.Path) -> bool:
  return (folder / SUMMARY).is_file()


def read_summary(folder: pathlib.Path) -> dict:
  """What data.prepare wrote of the whole; raises ManifestError for another version."""
  summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
  if summary.get("version") != VERSION:
    raise ManifestError(
      f"{folder} was prepared in format {summary.get('version')}, this program reads {VERSION}: "
      "prepare it again"
    )
  return summary


class ShardSource:
  """A split of prepared speech, resampled to `sample_rate` (Hz) where it was kept at another rate.

  Recordings stay in memory once read, as far as `cache_bytes` go. Raises ManifestError if the
  folder, or a shard that the index names, is not there.
  """

  def __init__(
    self, folder: pathlib.Path, split: str, sample_rate: int, *, cache_bytes: int = CACHE_BYTES
  ):
    self.sample_rate = sample_rate
    self._kept_rate = read_summary(folder)["sample_rate"]
    self._entries = read_index(folder / f"{split}.tsv")
    names = sorted({entry.shard for entry in self._entries})
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
      raise ManifestError(f"{folder} lacks {', '.join(missing[:3])}: prepare it again")
    self._folder = folder
    self._shards = {name: ArrayRecordDataSource([str(folder / name)]) for name in names}
    self._cache = RecordingCache(cache_bytes)

  def __len__(self) -> int:
    return len(self._entries)

  def __getitem__(self, index: int) -> Example:
    entry = self._entries[index]
    samples = self._cache.get(index, lambda: self._read(entry))
    return Example(entry.id, to_float(samples), entry.text, entry.speaker)

  def seconds(self, index: int) -> float:
    return self._entries[index].samples / self._kept_rate

  def text(self, index: int) -> str:
    return self._entries[index].text

  def speaker(self, index: int) -> str:
    return self._entries[index].speaker

  def id(self, index: int) -> str:
    return self._entries[index].id

  def _read(self, entry: Entry) -> Int16[np.ndarray, "N"]:
    samples, rate = soundfile.read(
      io.BytesIO(self._shards[entry.shard][entry.record]), dtype="int16"
    )
    if (len(samples), rate) != (entry.samples, self._kept_rate):
      raise ManifestError(
        f"{self._folder / entry.shard}: record {entry.record} holds {len(samples)} samples at "
        f"{rate} Hz, the index says {entry.samples} at {self._kept_rate}: prepare it again"
      )
    if rate == self.sample_rate:
      return samples
    return to_int16(soxr.resample(to_float(samples), rate, self.sample_rate))
