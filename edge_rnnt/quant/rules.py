"""Which weights get how many bits: patterns over tap paths, e.g. `encoder/layer_0/input_kernel`."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from edge_rnnt.quant.affine import Affine, symmetric


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
  """How a weight is quantized: symmetric, in `bits`, with one scale for what `per` names.

  Weights are [in, out] or, in a cell, [in, gate, cell]. "gate" is one scale per gate there and one
  per tensor elsewhere, "output" is one for every (gate and) output, "group" one for every output
  and `group` consecutive inputs, in half precision: there are many of them.
  Raises ValueError unless 2 <= bits <= 8, and for a group where there is none or the reverse.
  """

  bits: int = 8
  per: Literal["tensor", "gate", "output", "group"] = "gate"
  group: int | None = None

  def __post_init__(self) -> None:
    if not 2 <= self.bits <= 8:
      raise ValueError(f"weights are stored in 2 to 8 bits, got {self.bits}")
    if (self.per == "group") != (self.group is not None and self.group >= 1):
      raise ValueError(
        f'group is a number of inputs that share a scale, with per="group" and only there; '
        f"got per={self.per!r}, group={self.group}"
      )

  def format(self, weight: Any) -> Affine:
    """The format of one weight; its scale broadcasts against the weight."""
    xp = weight.__array_namespace__()
    if self.per == "group":
      grouped = _groups(weight, self.group)
      limits = xp.max(xp.abs(grouped), axis=1)
      format = symmetric(limits, self.bits)
      scale = xp.repeat(_half_precision(format.scale), self.group, axis=0)[: weight.shape[0]]
      return format._replace(scale=scale)
    if self.per == "output":
      axes: tuple[int, ...] = (0,)
    elif self.per == "gate" and weight.ndim == 3:
      axes = (0, 2)
    else:
      axes = tuple(range(weight.ndim))
    return symmetric(xp.max(xp.abs(weight), axis=axes, keepdims=True), self.bits)


def _groups(weight: Any, size: int) -> Any:
  """[in, ...] -> [groups, size, ...], the last group filled up with zeros."""
  xp = weight.__array_namespace__()
  missing = xp.zeros((-weight.shape[0] % size, *weight.shape[1:]), weight.dtype)
  return xp.concat([weight, missing]).reshape(-1, size, *weight.shape[1:])


def _half_precision(scale: Any) -> Any:
  """The nearest scale that float16 holds in full precision, 2^-14 and above.

  By hand, since XLA takes a conversion to float16 and back for none.
  """
  xp = scale.__array_namespace__()
  fraction, exponent = xp.frexp(scale)
  rounded = xp.ldexp(xp.round(fraction * 2.0**11) * 2.0**-11, exponent)
  return xp.maximum(rounded, xp.full_like(rounded, 2.0**-14))


Rules = Mapping[str, Rule]

INTEGER: Rules = {r".*": Rule(per="gate")}
"""As an integer LSTM takes them: one scale per gate, apart for input and recurrent rows."""

HYBRID: Rules = {r"prediction/embedding": Rule(per="tensor"), r".*_kernel": Rule(per="output")}
"""Finer, since the products are scaled in float anyway."""

HYBRID_PER_TENSOR: Rules = {r".*": Rule(per="tensor")}
"""As the first hybrid runtimes had it; a kernel's rows of x and of h are two tensors."""


def hybrid_int4(group: int = 32) -> Rules:
  """Weights in 4 bits, a scale for every output and `group` inputs; the embedding stays in 8."""
  weights = Rule(bits=4, per="group", group=group)
  return {r"prediction/embedding": Rule(per="tensor"), r".*_kernel": weights}


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
