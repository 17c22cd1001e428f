"""A prepared TFDS corpus as a source; no TensorFlow."""

import functools
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import soundfile
import soxr
from jaxtyping import Int16

from edge_rnnt.inputs.cache import CACHE_BYTES, RecordingCache
from edge_rnnt.inputs.dataset import Example, to_float, to_int16
from edge_rnnt.inputs.shards import Entry

FIELDS = ("audio", "text", "speaker", "id")


@runtime_checkable
class Records(Protocol):
  """Random access to dictionaries: a `tfds.data_source`, or a list."""

  def __len__(self) -> int: ...

  def __getitem__(self, index: int) -> Mapping[str, Any]: ...


def index_records(stored: Iterable[Mapping[str, Any]]) -> list[Entry]:
  """What batching plans by, of records in order; the audio as it is stored, so none is decoded.

  `audio` is a file's bytes, whose header tells its length, or samples [N]. Raises ValueError for
  records without the fields audio, text, speaker and id.
  """
  entries = []
  for number, record in enumerate(stored):
    missing = [name for name in FIELDS if name not in record]
    if missing:
      raise ValueError(
        f"record {number} has no {' and '.join(missing)}, only {', '.join(sorted(record))}: "
        f"expected the fields {', '.join(FIELDS)}"
      )
    speaker, id, text = (_text(record[name]) for name in ("speaker", "id", "text"))
    entries.append(Entry("", number, _length(record["audio"]), speaker, id, text))
  return entries


class TfdsSource:
  """Records with the fields audio (int16 [N] at `record_rate` Hz), text, speaker and id, as our
  builders in data/ make them; `index` is index_records' of them, and nothing is read before it is
  asked for.

  Decoded audio is kept as far as `cache_bytes` go, resampled to `sample_rate` (Hz) where they
  differ. Raises ValueError for an index of other records.
  """

  def __init__(
    self,
    records: Records,
    index: Sequence[Entry],
    record_rate: int,
    sample_rate: int,
    *,
    cache_bytes: int = CACHE_BYTES,
  ):
    if len(index) != len(records):
      raise ValueError(f"the index is of {len(index)} records, there are {len(records)}")
    self.sample_rate = sample_rate
    self._records, self._record_rate = records, record_rate
    self._index = index
    self._cache = RecordingCache(cache_bytes)

  def __len__(self) -> int:
    return len(self._index)

  def __getitem__(self, index: int) -> Example:
    samples = self._cache.get(index, functools.partial(self._read, index))
    return Example(self.id(index), to_float(samples), self.text(index), self.speaker(index))

  def text(self, index: int) -> str:
    return self._index[index].text

  def speaker(self, index: int) -> str:
    return self._index[index].speaker

  def id(self, index: int) -> str:
    return self._index[index].id

  def seconds(self, index: int) -> float:
    return self._index[index].samples / self._record_rate

  def _read(self, index: int) -> Int16[np.ndarray, "n"]:
    record, entry = self._records[index], self._index[index]
    samples = record["audio"]
    if (_text(record["id"]), len(samples)) != (entry.id, entry.samples):
      raise ValueError(
        f"record {index} is {_text(record['id'])} of {len(samples)} samples, the index says "
        f"{entry.id} of {entry.samples}: remove the index, it is of other data"
      )
    if self._record_rate == self.sample_rate:
      return samples
    return to_int16(soxr.resample(to_float(samples), self._record_rate, self.sample_rate))


def _length(audio: bytes | np.ndarray) -> int:
  if isinstance(audio, bytes):
    return soundfile.info(io.BytesIO(audio)).frames
  return len(audio)


def _text(value: str | bytes | int | np.ndarray | np.generic) -> str:
  return value.decode() if isinstance(value, bytes) else str(value)
