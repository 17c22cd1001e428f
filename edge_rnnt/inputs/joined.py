"""Short utterances of one speaker joined with pauses: digit strings from single digits."""

import dataclasses

import numpy as np

from edge_rnnt.inputs.dataset import Example, Source


@dataclasses.dataclass(frozen=True)
class _String:
  parts: tuple[int, ...]
  pauses: tuple[int, ...]  # samples of silence before each part, and after the last


class JoinedStrings:
  """Item i is a string of 1 to `most` utterances of one speaker of `source`, with random pauses
  between them.

  Each pass deals every utterance of every speaker exactly once, in a new order, and cuts the deal
  into strings of random lengths (1..most, alike likely; the last of a speaker may be shorter). The
  strings are a pure function of (source, most, passes, pause, seed), and their lengths are known
  without audio. `pause` is in seconds.
  """

  def __init__(
    self,
    source: Source,
    *,
    most: int = 8,
    passes: int = 1,
    pause: tuple[float | int, float | int] = (0.05, 0.35),
    seed: int = 0,
    name: str = "string",
  ):
    if most < 1 or passes < 1:
      raise ValueError(f"most is {most} and passes is {passes}: expected 1 or more of each")
    if not 0 <= pause[0] <= pause[1]:
      raise ValueError(f"pause is {pause}: expected 0 <= shortest <= longest, in seconds")
    self.sample_rate = source.sample_rate
    self._source = source
    self._name = name
    rng = np.random.default_rng([seed, 0x57121])
    self._strings = [string for _ in range(passes) for string in _deal(source, most, pause, rng)]

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
  source: Source, most: int, pause: tuple[float | int, float | int], rng: np.random.Generator
) -> list[_String]:
  speakers: dict[str, list[int]] = {}
  for index in range(len(source)):
    speakers.setdefault(source.speaker(index), []).append(index)
  strings = []
  for speaker in sorted(speakers):
    order = rng.permutation(speakers[speaker])
    start = 0
    while start < len(order):
      parts = order[start : start + int(rng.integers(1, most + 1))]
      pauses = rng.uniform(*pause, size=len(parts) + 1) * source.sample_rate
      strings.append(_String(tuple(parts.tolist()), tuple(pauses.astype(int).tolist())))
      start += len(parts)
  return strings
