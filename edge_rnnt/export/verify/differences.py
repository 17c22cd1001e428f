"""Two traces of the same utterances -> the first tensor that differs, and how far."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

Trace = Mapping[str, np.ndarray]
"""Tensors [rows, width] by name, in the order of the computation (traces.py)."""


class Difference(NamedTuple):
  """A tensor of an utterance in two runtimes."""

  name: str
  row: int
  error: float
  """The largest deviation in that row; infinite for a tensor of another shape."""
  rms: float
  """Root mean square of the reference's tensor."""
  beyond: bool
  """Whether it differs by more than it may; `row` is the first that does, else the worst."""
  shapes: str = ""
  utterance: str = ""

  @property
  def share(self) -> float:
    """Of the tensor's size; infinite if it is no number."""
    return math.inf if math.isnan(self.error) else self.error / self.rms

  def __str__(self) -> str:
    if self.shapes:
      return f"{self.name}: {self.shapes}"
    if not self.error:
      return "equal to the bit"
    return f"{self.name}[{self.row}]: off by {self.error:.2g} (rms {self.rms:.2g})"


class Verdict(NamedTuple):
  """Of some utterances that were traced."""

  compared: tuple[str, ...]
  """Tensors that both sides show."""
  missing: tuple[str, ...]
  """Tensors that only one of them shows."""
  first: Difference | None
  """The first tensor of the computation that differs in any utterance, where it does most."""
  worst: Difference | None
  """The largest share of a tensor's size of all; None if nothing was compared."""


def compare(expected: Trace, found: Trace, tolerance: float) -> list[Difference]:
  """Every tensor that both have, beyond if off by more than `tolerance` of the tensor's size."""
  differences = []
  for name, wanted in expected.items():
    if name not in found:
      continue
    if found[name].shape != wanted.shape:
      shapes = f"shape {found[name].shape}, the reference {wanted.shape}"
      differences.append(Difference(name, 0, math.inf, 1.0, True, shapes))
      continue
    error = np.abs(found[name].astype(np.float64) - wanted).max(axis=1)
    rms = float(np.sqrt(np.mean(np.square(wanted.astype(np.float64))))) or 1.0
    beyond = np.flatnonzero(~(error <= tolerance * rms))  # a NaN is beyond, too
    row = int(beyond[0]) if len(beyond) else int(error.argmax())
    differences.append(Difference(name, row, float(error[row]), rms, bool(len(beyond))))
  return differences


def judge(traced: Sequence[tuple[str, Trace, Trace]], tolerance: float) -> Verdict:
  """Of (utterance, the reference's trace, the other's), which show the same tensors each time."""
  every, names = [], dict[str, bool]()
  for utterance, expected, found in traced:
    names |= {name: name in expected and name in found for name in [*expected, *found]}
    every += [each._replace(utterance=utterance) for each in compare(expected, found, tolerance)]
  compared = tuple(name for name, both in names.items() if both)
  beyond = [each for each in every if each.beyond]
  first = min(beyond, key=lambda each: (compared.index(each.name), -each.share), default=None)
  worst = max(every, key=lambda each: each.share, default=None)
  return Verdict(compared, tuple(name for name in names if name not in compared), first, worst)
