"""A prepared TFDS corpus as a source; no TensorFlow."""

import functools
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import soxr
from jaxtyping import Int16

from edge_rnnt.inputs.cache import CACHE_BYTES, RecordingCache
from edge_rnnt.inputs.dataset import Example, to_float, to_int16


@runtime_checkable
class Records(Protocol):
  """Random access to dictionaries: a `tfds.data_source`, or a list."""

  def __len__(self) -> int: ...

  def __getitem__(self, index: int) -> Mapping[str, Any]: ...


class TfdsSource:
  """Records with the fields audio (int16 [N]), text, speaker and id, as our builders in data/ make
  them.

  Goes through the records once to learn lengths and words (TFDS can't read a field alone) and
  keeps the decoded audio as far as `cache_bytes` go. Resamples from `record_rate` to `sample_rate`
  (Hz) when they differ. Raises ValueError for records without these fields.
  """

  def __init__(
    self,
    records: Records,
    record_rate: int,
    sample_rate: int,
    *,
    cache_bytes: int = CACHE_BYTES,
  ):
    self.sample_rate = sample_rate
    self._records, self._record_rate = records, record_rate
    self._fields: list[tuple[str, str, str, float]] = []
    self._cache = RecordingCache(cache_bytes)
    for index in range(len(records)):
      record = records[index]
      missing = [name for name in ("audio", "text", "speaker", "id") if name not in record]
      if missing:
        raise ValueError(
          f"record {index} has no {' and '.join(missing)}, only {', '.join(sorted(record))}: "
          "expected the fields audio, text, speaker and id"
        )
      samples = self._cache.get(index, functools.partial(self._resample, record["audio"]))
      words = tuple(_text(record[name]) for name in ("text", "speaker", "id"))
      self._fields.append((*words, len(samples) / sample_rate))

  def __len__(self) -> int:
    return len(self._records)

  def __getitem__(self, index: int) -> Example:
    samples = self._cache.get(index, lambda: self._resample(self._records[index]["audio"]))
    return Example(self.id(index), to_float(samples), self.text(index), self.speaker(index))

  def text(self, index: int) -> str:
    return self._fields[index][0]

  def speaker(self, index: int) -> str:
    return self._fields[index][1]

  def id(self, index: int) -> str:
    return self._fields[index][2]

  def seconds(self, index: int) -> float:
    return self._fields[index][3]

  def _resample(self, samples: Int16[np.ndarray, "N"]) -> Int16[np.ndarray, "n"]:
    if self._record_rate == self.sample_rate:
      return samples
    return to_int16(soxr.resample(to_float(samples), self._record_rate, self.sample_rate))


def _text(value: str | bytes) -> str:
  return value.decode() if isinstance(value, bytes) else value
