"""Models by name: the paper's, and ones that a laptop trains.

The paper's are those of Shangguan et al. 2019, "Optimizing Speech Recognition For The Edge", in the
sizes that reproduce its parameter counts (122.1 M dense; 69.7, 48.7 and 38.2 M at 50, 70 and 80 %
sparsity). Sparsity is no property of a model here: it is what training does to its kernels.
"""

import dataclasses
import itertools
from typing import Any

from edge_rnnt.model.config import CELLS, RNNTConfig

PAPER = RNNTConfig(
  feature_dim=512,  # 4 stacked frames of 128 mel bands
  vocab_size=4096,
  encoder_cell="lstm",
  encoder_layers=8,
  encoder_cells=2048,
  encoder_projection=640,
  time_reduction=2,
  time_reduction_after=2,
  embedding_dim=128,
  prediction_cell="lstm",
  prediction_layers=2,
  prediction_cells=2048,
  prediction_projection=640,
  joint_dim=640,
)

SMALL = RNNTConfig(
  feature_dim=160,  # 4 stacked frames of 40 mel bands
  vocab_size=70,
  encoder_layers=3,
  encoder_cells=160,
  encoder_projection=96,
  time_reduction_after=1,  # every layer above it runs on half the frames
  embedding_dim=48,
  prediction_layers=1,
  prediction_cells=160,
  prediction_projection=96,
  joint_dim=112,
)


def with_cells(config: RNNTConfig, encoder: str, prediction: str) -> RNNTConfig:
  """The same sizes with other cells."""
  return dataclasses.replace(config, encoder_cell=encoder, prediction_cell=prediction)


PRESETS: dict[str, RNNTConfig] = {
  **{f"paper_{e}_{p}": with_cells(PAPER, e, p) for e, p in itertools.product(CELLS, CELLS)},
  "paper_lstm": PAPER,
  # The paper's best trade: to be trained to 50 % sparsity in the encoder, 30 % in the prediction.
  "paper_edge": with_cells(PAPER, "cifg", "sru"),
  # A dense LSTM of the size that paper_edge has after pruning, as the yardstick.
  "paper_small_lstm": dataclasses.replace(
    PAPER,
    encoder_cells=1088,
    encoder_projection=512,
    prediction_cells=1088,
    prediction_projection=512,
  ),
  "small": SMALL,
  "small_edge": with_cells(SMALL, "cifg", "sru"),
  "tiny": dataclasses.replace(
    SMALL,
    encoder_layers=2,
    encoder_cells=64,
    encoder_projection=48,
    embedding_dim=24,
    prediction_cells=64,
    prediction_projection=48,
    joint_dim=64,
  ),
}


def preset(name: str, **changes: Any) -> RNNTConfig:
  """The model of that name with some sizes changed; raises ValueError listing the names."""
  if name not in PRESETS:
    raise ValueError(f"no preset is called {name!r}; there are {', '.join(sorted(PRESETS))}")
  unknown = set(changes) - {field.name for field in dataclasses.fields(RNNTConfig)}
  if unknown:
    raise ValueError(f"no such sizes: {sorted(unknown)}; see RNNTConfig for those that exist")
  return dataclasses.replace(PRESETS[name], **changes)
