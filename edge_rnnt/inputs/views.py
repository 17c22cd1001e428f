"""Sources that show other sources' speech: some of it, stretches of it, as a telephone line carries
it, several as one.
"""

import bisect
import dataclasses
import itertools
from collections.abc import Sequence
from typing import NamedTuple

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


class Excerpt(NamedTuple):
  """A stretch of utterance `item` in which `text` is said; begin and end in seconds."""

  item: int
  begin: float
  end: float
  text: str


class Excerpts:
  """Item i is what is heard of `source` in excerpts[i], by the same speaker.

  Raises ValueError for no excerpt, and for one that does not lie in its utterance.
  """

  def __init__(self, source: Source, excerpts: Sequence[Excerpt]):
    if not len(excerpts):
      raise ValueError("no excerpt is no source")
    for each in excerpts:
      if not 0 <= each.begin < each.end <= source.seconds(each.item):
        raise ValueError(
          f"{source.id(each.item)} lasts {source.seconds(each.item):g} s, which has no excerpt "
          f"from {each.begin:g} to {each.end:g} s"
        )
    self.sample_rate = source.sample_rate
    self._source, self._excerpts = source, tuple(excerpts)

  def __len__(self) -> int:
    return len(self._excerpts)

  def __getitem__(self, index: int) -> Example:
    begin, end = self._span(index)
    samples = self._source[self._excerpts[index].item].samples[begin:end]
    return Example(self.id(index), samples, self.text(index), self.speaker(index))

  def seconds(self, index: int) -> float:
    begin, end = self._span(index)
    return (end - begin) / self.sample_rate

  def text(self, index: int) -> str:
    return self._excerpts[index].text

  def speaker(self, index: int) -> str:
    return self._source.speaker(self._excerpts[index].item)

  def id(self, index: int) -> str:
    each = self._excerpts[index]
    return f"{self._source.id(each.item)}-from-{each.begin:.2f}"

  def _span(self, index: int) -> tuple[int, int]:
    each = self._excerpts[index]
    return round(each.begin * self.sample_rate), round(each.end * self.sample_rate)


class Telephone(Selection):
  """Every utterance of `source`, heard over a digital telephone line (300-3400 Hz, mu-law)."""

  def __init__(self, source: Source):
    super().__init__(source, range(len(source)))

  def __getitem__(self, index: int) -> Example:
    example = super().__getitem__(index)
    heard = telephone_band(example.samples, self.sample_rate)
    return dataclasses.replace(example, samples=heard, id=self.id(index))

  def id(self, index: int) -> str:
    """The source's, marked: both may be heard in one run."""
    return f"{super().id(index)}-by-telephone"


class Chain:
  """Several sources of one sample rate, one after the other; ValueError if they have several."""

  def __init__(self, sources: Sequence[Source]):
    rates = {each.sample_rate for each in sources}
    if len(rates) != 1:
      raise ValueError(f"a chain needs sources of one sample rate, got {sorted(rates) or 'none'}")
    (self.sample_rate,) = rates
    self._sources = tuple(sources)
    self._ends = list(itertools.accumulate(map(len, sources)))

  def __len__(self) -> int:
    return self._ends[-1]

  def __getitem__(self, index: int) -> Example:
    source, item = self._place(index)
    return source[item]

  def seconds(self, index: int) -> float:
    source, item = self._place(index)
    return source.seconds(item)

  def text(self, index: int) -> str:
    source, item = self._place(index)
    return source.text(item)

  def speaker(self, index: int) -> str:
    source, item = self._place(index)
    return source.speaker(item)

  def id(self, index: int) -> str:
    source, item = self._place(index)
    return source.id(item)

  def _place(self, index: int) -> tuple[Source, int]:
    if not 0 <= index < len(self):
      raise IndexError(f"item {index} of {len(self)}")
    number = bisect.bisect_right(self._ends, index)
    return self._sources[number], index - (self._ends[number - 1] if number else 0)
