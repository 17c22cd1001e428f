"""What a device must know about a model's shape: the sizes of its layers, and nothing of training.

Without JAX, since the device reads it; `RNNTConfig` (model/) is the same description where modules
are built.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

GATES = {"lstm": "ifgo", "cifg": "fgo", "sru": "ufrs"}
"""Order of the gates among a kernel's columns."""

NORMALIZED = {"lstm": "ifgo", "cifg": "fgo", "sru": "frc"}
"""What a cell's layer-norm gains belong to; c is the cell state itself."""

LARGEST = 1 << 20
MOST_LAYERS = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
  """The sizes of one recurrent layer."""

  path: str
  cell: str
  input_dim: int
  cells: int
  projection: int | None
  layer_norm: bool

  @property
  def gates(self) -> str:
    return GATES[self.cell]

  @property
  def normalized(self) -> str:
    return NORMALIZED[self.cell] if self.layer_norm else ""

  @property
  def output_dim(self) -> int:
    return self.projection or self.cells

  @property
  def recurrent_dim(self) -> int:
    return 0 if self.cell == "sru" else self.output_dim

  @property
  def kernel_shape(self) -> tuple[int, int]:
    return self.input_dim + self.recurrent_dim, len(self.gates) * self.cells


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
  """The sizes of an RNN-T; fields as in RNNTConfig.

  Raises ValueError, naming the field, for anything that is not a model.
  """

  feature_dim: int
  vocab_size: int
  encoder_cell: str
  encoder_layers: int
  encoder_cells: int
  encoder_projection: int | None
  time_reduction: int
  time_reduction_after: int
  embedding_dim: int
  prediction_cell: str
  prediction_layers: int
  prediction_cells: int
  prediction_projection: int | None
  joint_dim: int
  layer_norm: bool

  def __post_init__(self) -> None:
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if field.name.endswith("_cell"):
        if value not in GATES:
          raise ValueError(f"{field.name} is {value!r}, expected one of {', '.join(GATES)}")
      elif field.name == "layer_norm":
        if not isinstance(value, bool):
          raise ValueError(f"layer_norm is {value!r}, expected true or false")
      elif not (field.name.endswith("_projection") and value is None):
        least = 0 if field.name == "time_reduction_after" else 1
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST:
          raise ValueError(f"{field.name} is {value!r}, expected a whole number {least}..{LARGEST}")
    if max(self.encoder_layers, self.prediction_layers) > MOST_LAYERS:
      raise ValueError(f"more than {MOST_LAYERS} layers in the encoder or the prediction network")
    if self.time_reduction_after >= self.encoder_layers:
      raise ValueError(
        f"time_reduction_after is {self.time_reduction_after}, but there are only"
        f" {self.encoder_layers} encoder layers"
      )

  @classmethod
  def from_json(cls, config: Mapping[str, Any]) -> "Architecture":
    """From what `to_json` gave, or RNNTConfig's without its auxiliary heads."""
    names = {field.name for field in dataclasses.fields(cls)}
    missing, unknown = names - set(config), set(config) - names
    if missing or unknown:
      raise ValueError(f"model description lacks {sorted(missing)}, has unknown {sorted(unknown)}")
    return cls(**{name: config[name] for name in names})

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)

  @property
  def blank(self) -> int:
    return self.vocab_size - 1

  @property
  def encoder_dim(self) -> int:
    return self.encoder_projection or self.encoder_cells

  @property
  def prediction_dim(self) -> int:
    return self.prediction_projection or self.prediction_cells

  @property
  def encoder(self) -> tuple[Layer, ...]:
    width, layers = self.feature_dim, []
    for index in range(self.encoder_layers):
      if index == self.time_reduction_after:
        width *= self.time_reduction
      layers.append(
        Layer(
          path=f"encoder/layer_{index}",
          cell=self.encoder_cell,
          input_dim=width,
          cells=self.encoder_cells,
          projection=self.encoder_projection,
          layer_norm=self.layer_norm,
        )
      )
      width = layers[-1].output_dim
    return tuple(layers)

  @property
  def prediction(self) -> tuple[Layer, ...]:
    return tuple(
      Layer(
        path=f"prediction/layer_{index}",
        cell=self.prediction_cell,
        input_dim=self.embedding_dim if index == 0 else self.prediction_dim,
        cells=self.prediction_cells,
        projection=self.prediction_projection,
        layer_norm=self.layer_norm,
      )
      for index in range(self.prediction_layers)
    )

  @property
  def layers(self) -> tuple[Layer, ...]:
    return self.encoder + self.prediction
