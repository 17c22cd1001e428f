"""The sizes of a model: plain values that travel with its parameters."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from edge_rnnt.cells.cifg import CIFG
from edge_rnnt.cells.lstm import LSTM
from edge_rnnt.cells.sru import SRU

CELLS = {"lstm": LSTM, "cifg": CIFG, "sru": SRU}

AUXILIARY = ("ctc", "simple")
"""Heads that serve training only: fields of the config, and parts of the parameters."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RNNTConfig:
  """Every size of an RNN-T; raises ValueError for a value that no model could have."""

  feature_dim: int
  """Width of a stacked frame, F."""
  vocab_size: int
  """Word-pieces and blank; blank is the last, vocab_size - 1."""

  encoder_cell: str = "lstm"
  encoder_layers: int
  encoder_cells: int
  encoder_projection: int | None
  """Output width of every encoder layer; None = no projection (width = cells)."""
  time_reduction: int = 2
  """Neighbouring frames joined into one; 1 = none."""
  time_reduction_after: int = 2
  """Encoder layers below the joining."""

  embedding_dim: int
  prediction_cell: str = "lstm"
  prediction_layers: int
  prediction_cells: int
  prediction_projection: int | None

  joint_dim: int
  layer_norm: bool = True
  ctc: bool = False
  """An auxiliary CTC output on the encoder, for training only."""
  simple: bool = False
  """An output of the prediction network alone: with the CTC output, a joint network that is a sum.
  It shows the pruned loss where to look, in training only."""

  def __post_init__(self) -> None:
    for name in ("encoder_cell", "prediction_cell"):
      if getattr(self, name) not in CELLS:
        raise ValueError(f"{name} must be one of {sorted(CELLS)}, got {getattr(self, name)!r}")
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if field.type in (int, int | None) and value is not None and value < _least(field.name):
        raise ValueError(f"{field.name} must be at least {_least(field.name)}, got {value}")
    if self.simple and not self.ctc:
      raise ValueError("simple=True adds to the CTC head's output: it needs ctc=True")
    if self.time_reduction_after >= self.encoder_layers:
      raise ValueError(
        f"time_reduction_after={self.time_reduction_after} needs an encoder layer above it, but "
        f"there are encoder_layers={self.encoder_layers}; lower it"
      )

  @property
  def blank(self) -> int:
    return self.vocab_size - 1

  @property
  def encoder_dim(self) -> int:
    return self.encoder_projection or self.encoder_cells

  @property
  def prediction_dim(self) -> int:
    return self.prediction_projection or self.prediction_cells

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, values: dict[str, Any]) -> "RNNTConfig":
    """The config that `to_json` gave; raises ValueError naming unknown and missing keys."""
    fields = dataclasses.fields(cls)
    needed = {f.name for f in fields if f.default is dataclasses.MISSING}
    unknown, missing = set(values) - {f.name for f in fields}, needed - set(values)
    if unknown or missing:
      raise ValueError(
        f"not a model config: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}"
      )
    return cls(**values)


def without_auxiliary(tree: Mapping[str, Any]) -> dict[str, Any]:
  """What ships of a model's parameters, or of its config's JSON."""
  return {name: value for name, value in tree.items() if name not in AUXILIARY}


def _least(name: str) -> int:
  return {"time_reduction_after": 0, "vocab_size": 2}.get(name, 1)
