"""Which weights get how many bits: patterns over tap paths, e.g. `encoder/layer_0/input_kernel`."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from edge_rnnt.quant.affine import Affine, symmetric


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
  """How a weight is quantized: symmetric, in `bits`, with one scale for what `per` names.

  Weights are [in, out] or, in a cell, [in, gate, cell]; "gate" is one scale per gate there and one
  per tensor elsewhere, "output" is one for every (gate and) output.
  Raises ValueError unless 2 <= bits <= 8.
  """

  bits: int = 8
  per: Literal["tensor", "gate", "output"] = "gate"

  def __post_init__(self) -> None:
    if not 2 <= self.bits <= 8:
      raise ValueError(f"weights are stored in 2 to 8 bits, got {self.bits}")

  def format(self, weight: Any) -> Affine:
    """The format of one weight; its scale broadcasts against the weight."""
    xp = weight.__array_namespace__()
    if self.per == "output":
      axes: tuple[int, ...] = (0,)
    elif self.per == "gate" and weight.ndim == 3:
      axes = (0, 2)
    else:
      axes = tuple(range(weight.ndim))
    return symmetric(xp.max(xp.abs(weight), axis=axes, keepdims=True), self.bits)


Rules = Mapping[str, Rule]

INTEGER: Rules = {r".*": Rule(per="gate")}
"""As an integer LSTM takes them: one scale per gate, apart for input and recurrent rows."""

HYBRID: Rules = {r"prediction/embedding": Rule(per="tensor"), r".*_kernel": Rule(per="output")}
"""Finer, since the products are scaled in float anyway."""


def first_match(rules: Rules, path: str) -> str | None:
  """The pattern that decides for a path."""
  return next((pattern for pattern in rules if re.fullmatch(pattern, path)), None)


def resolve(rules: Rules, paths: Iterable[str]) -> dict[str, Rule | None]:
  """The first rule whose pattern matches all of a path; None where none does.

  Raises ValueError for a rule that decides for no path: it would be silently without effect.
  """
  paths = list(paths)
  chosen = {path: first_match(rules, path) for path in paths}
  unused = [pattern for pattern in rules if pattern not in chosen.values()]
  if unused:
    raise ValueError(
      f"quantization rules that decide for nothing: {unused}. Earlier rules take precedence, a"
      f" pattern must match the whole path, and the weights are: {', '.join(paths)}"
    )
  return {path: None if pattern is None else rules[pattern] for path, pattern in chosen.items()}
