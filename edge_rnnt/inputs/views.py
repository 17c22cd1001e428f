"""Sources that show another source's speech: a part of it, or as a telephone line carries it."""

import dataclasses
from collections.abc import Sequence

from edge_rnnt.audio.augment import telephone_band
from edge_rnnt.inputs.dataset import Example, Source


class Selection:
  """Item i is `source[items[i]]`. Raises ValueError if nothing is selected."""

  def __init__(self, source: Source, items: Sequence[int]):
    if not len(items):
      raise ValueError("a selection of no utterance is no source")
    self.sample_rate = source.sample_rate
    self._source, self._items = source, tuple(items)

  def __len__(self) -> int:
    return len(self._items)

  def __getitem__(self, index: int) -> Example:
    return self._source[self._items[index]]

  def seconds(self, index: int) -> float:
    return self._source.seconds(self._items[index])

  def text(self, index: int) -> str:
    return self._source.text(self._items[index])

  def speaker(self, index: int) -> str:
    return self._source.speaker(self._items[index])

  def id(self, index: int) -> str:
    return self._source.id(self._items[index])


class Telephone(Selection):
  """Every utterance of `source`, heard over a digital telephone line (300-3400 Hz, mu-law)."""

  def __init__(self, source: Source):
    super().__init__(source, range(len(source)))

  def __getitem__(self, index: int) -> Example:
    example = super().__getitem__(index)
    heard = telephone_band(example.samples, self.sample_rate)
    return dataclasses.replace(example, samples=heard)
