"""Random-access sources of speech: item i is one utterance, its length and words known without
decoding audio.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int16

from edge_rnnt.inputs.cache import CACHE_BYTES, RecordingCache
from edge_rnnt.inputs.utterance import Utterance, read


@dataclasses.dataclass(frozen=True)
class Example:
  """One utterance: `samples` in [-1, 1] at the source's rate.

  words: where each word of `text` begins and ends, in samples, if that is known.
  """

  id: str
  samples: Float[np.ndarray, "N"]
  text: str
  speaker: str
  words: tuple[tuple[int, int], ...] | None = None


@runtime_checkable
class Source(Protocol):
  """What batching needs of a corpus. All methods are cheap but `__getitem__`, which decodes."""

  sample_rate: int

  def __len__(self) -> int: ...

  def __getitem__(self, index: int) -> Example: ...

  def seconds(self, index: int) -> float: ...

  def text(self, index: int) -> str: ...

  def speaker(self, index: int) -> str: ...

  def id(self, index: int) -> str: ...


def to_int16(samples: Float[np.ndarray, "N"]) -> Int16[np.ndarray, "N"]:
  """Samples in [-1, 1] as 16-bit integers, half the memory of floats; rounding is below the
  recordings' own.
  """
  return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)


def to_float(samples: Int16[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
  """16-bit integers as samples in [-1, 1)."""
  return samples.astype(np.float32) * np.float32(1 / 32768)


class ManifestSource:
  """The recordings of a manifest, decoded and resampled; a small corpus stays in memory once read.

  `decoded`: 16-bit samples by utterance id that are at hand already (`check_audio` has them).
  Raises ValueError for an utterance whose length is unknown: `check_audio` measures it.
  """

  def __init__(
    self,
    utterances: Sequence[Utterance],
    sample_rate: int,
    *,
    decoded: Mapping[str, np.ndarray] | None = None,
    cache_bytes: int = CACHE_BYTES,
  ):
    unmeasured = [each.path for each in utterances if each.seconds is None]
    if unmeasured:
      raise ValueError(
        f"the length of {len(unmeasured)} utterances is not known, for example of {unmeasured[0]}: "
        "pass them through check_audio, or give a seconds column"
      )
    self.sample_rate = sample_rate
    self._utterances = list(utterances)
    ids = {each.id for each in self._utterances}
    ready = {id: samples for id, samples in (decoded or {}).items() if id in ids}
    self._cache = RecordingCache(cache_bytes, ready)

  def __len__(self) -> int:
    return len(self._utterances)

  def __getitem__(self, index: int) -> Example:
    each = self._utterances[index]
    return Example(each.id, to_float(self._samples(each)), each.text, each.speaker)

  def seconds(self, index: int) -> float:
    return self._utterances[index].seconds

  def text(self, index: int) -> str:
    return self._utterances[index].text

  def speaker(self, index: int) -> str:
    return self._utterances[index].speaker

  def id(self, index: int) -> str:
    return self._utterances[index].id

  def _samples(self, each: Utterance) -> Int16[np.ndarray, "N"]:
    return self._cache.get(each.id, lambda: to_int16(read(each, self.sample_rate)))


class MemorySource:
  """Utterances that are already in memory as 16-bit samples: synthetic speech, decoded TFDS
  records, tests.
  """

  def __init__(
    self,
    samples: Sequence[np.ndarray],
    texts: Sequence[str],
    speakers: Sequence[str],
    ids: Sequence[str],
    sample_rate: int,
  ):
    if not len(samples) == len(texts) == len(speakers) == len(ids):
      raise ValueError(
        f"{len(samples)} recordings, {len(texts)} texts, {len(speakers)} speakers and {len(ids)} "
        "ids: expected as many of each"
      )
    self.sample_rate = sample_rate
    self._samples = samples
    self._texts, self._speakers, self._ids = list(texts), list(speakers), list(ids)

  def __len__(self) -> int:
    return len(self._samples)

  def __getitem__(self, index: int) -> Example:
    return Example(
      self._ids[index], to_float(self._samples[index]), self._texts[index], self._speakers[index]
    )

  def seconds(self, index: int) -> float:
    return len(self._samples[index]) / self.sample_rate

  def text(self, index: int) -> str:
    return self._texts[index]

  def speaker(self, index: int) -> str:
    return self._speakers[index]

  def id(self, index: int) -> str:
    return self._ids[index]
