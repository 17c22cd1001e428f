"""Utterances of one speaker joined with pauses: digit strings from single digits, long-form speech
from sentences.
"""

import dataclasses
import functools
import math

import numpy as np

from edge_rnnt.inputs.dataset import Example, Source


@dataclasses.dataclass(frozen=True)
class _String:
  parts: tuple[int, ...]
  pauses: tuple[int, ...]  # samples of silence before each part, and after the last


class JoinedStrings:
  """Item i is a string of `least` to `most` utterances of one speaker of `source`, with random
  pauses between them.

  Each pass deals every utterance of every speaker exactly once, in a new order, and cuts the deal
  into strings of random lengths (least..most, alike likely; the last of a speaker may be shorter,
  and one that would speak for more than `longest` seconds ends before). The strings are a pure
  function of the arguments, and their lengths are known without audio. `pause` is in seconds.
  """

  def __init__(
    self,
    source: Source,
    *,
    least: int = 1,
    most: int = 8,
    longest: float | int = math.inf,
    passes: int = 1,
    pause: tuple[float | int, float | int] = (0.05, 0.35),
    seed: int = 0,
    name: str = "string",
  ):
    if not 1 <= least <= most or passes < 1:
      raise ValueError(
        f"least is {least}, most is {most} and passes is {passes}: expected 1 <= least <= most, "
        "and one pass or more"
      )
    if not 0 <= pause[0] <= pause[1]:
      raise ValueError(f"pause is {pause}: expected 0 <= shortest <= longest, in seconds")
    self.sample_rate = source.sample_rate
    self._source = source
    self._name = name
    rng = np.random.default_rng([seed, 0x57121])
    deal = functools.partial(_deal, source, (least, most), longest, pause, rng)
    self._strings = [string for _ in range(passes) for string in deal()]

  def __len__(self) -> int:
    return len(self._strings)

  def __getitem__(self, index: int) -> Example:
    string = self._strings[index]
    pieces, spans, at = [np.zeros(string.pauses[0], np.float32)], [], string.pauses[0]
    for part, pause in zip(string.parts, string.pauses[1:], strict=True):
      samples = self._source[part].samples
      pieces += [samples, np.zeros(pause, np.float32)]
      spans.append((at, at + len(samples)))
      at += len(samples) + pause
    single = all(len(self._source.text(part).split()) == 1 for part in string.parts)
    return Example(
      self.id(index),
      np.concatenate(pieces),
      self.text(index),
      self.speaker(index),
      tuple(spans) if single else None,
    )

  def parts(self, index: int) -> tuple[int, ...]:
    """The indices of the joined utterances in the source, in order."""
    return self._strings[index].parts

  def seconds(self, index: int) -> float:
    string = self._strings[index]
    spoken = sum(self._source.seconds(part) for part in string.parts)
    return spoken + sum(string.pauses) / self.sample_rate

  def text(self, index: int) -> str:
    return " ".join(self._source.text(part) for part in self._strings[index].parts)

  def speaker(self, index: int) -> str:
    return self._source.speaker(self._strings[index].parts[0])

  def id(self, index: int) -> str:
    return f"{self._name}-{self.speaker(index)}-{index:05d}"


def _deal(
  source: Source,
  lengths: tuple[int, int],
  longest: float | int,
  pause: tuple[float | int, float | int],
  rng: np.random.Generator,
) -> list[_String]:
  speakers: dict[str, list[int]] = {}
  for index in range(len(source)):
    speakers.setdefault(source.speaker(index), []).append(index)
  strings, (least, most) = [], lengths
  for speaker in sorted(speakers):
    order = rng.permutation(speakers[speaker])
    start = 0
    while start < len(order):
      wanted = order[start : start + int(rng.integers(least, most + 1))]
      parts = wanted[: _within(longest, [source.seconds(int(part)) for part in wanted])]
      pauses = rng.uniform(*pause, size=len(parts) + 1) * source.sample_rate
      strings.append(_String(tuple(parts.tolist()), tuple(pauses.astype(int).tolist())))
      start += len(parts)
  return strings


def _within(longest: float | int, seconds: list[float]) -> int:
  """How many of the first utterances last no longer than that together; one at least."""
  return max(1, int(np.searchsorted(np.cumsum(seconds), longest, side="right")))
