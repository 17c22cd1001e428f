"""The problems of the training benchmark: a network, a batch, first weights, and their FLOPs.

A FLOP is half of a multiplication with its addition. Only what the maths of a step needs is
counted, frames and labels inside the lengths: padding and what is computed twice to save memory
(joint network, projections) are an implementation's own affair.
"""

import dataclasses

import jax
import numpy as np

from edge_rnnt import trees
from edge_rnnt.model import inventory, presets
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.encoder import encoder_cell
from edge_rnnt.model.rnnt import init
from experiments import recipe

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class TrainProblem:
  """A network of LSTMs without layer norm, which nn.LSTM does not have, and a batch's shape."""

  config: RNNTConfig
  utterances: int
  frames: int
  labels: int
  shortest: float
  """Length of the shortest utterance as a share of the longest's."""

  @property
  def frame_lengths(self) -> np.ndarray:
    share = np.linspace(1.0, self.shortest, self.utterances)
    return np.round(share * self.frames).astype(np.int32)

  @property
  def label_lengths(self) -> np.ndarray:
    share = np.linspace(1.0, self.shortest, self.utterances)
    return np.maximum(np.round(share * self.labels), 1).astype(np.int32)


SMALL = RNNTConfig(
  feature_dim=160, vocab_size=70, layer_norm=False, **recipe.get_config().model.to_dict()
)
"""The quickstart's network."""

PAPER = presets.preset(
  "paper_lstm", layer_norm=False, encoder_layers=2, time_reduction_after=1, prediction_layers=1
)
"""The paper's widths and word-pieces with 2 of its 8 encoder layers and 1 of its 2 prediction's."""

PROBLEMS = {
  "small": TrainProblem(SMALL, 16, 80, 6, 1.0),
  "small-ragged": TrainProblem(SMALL, 16, 80, 6, 0.6),
  "paper": TrainProblem(PAPER, 4, 100, 12, 1.0),
}


def draw(problem: TrainProblem) -> Arrays:
  """A batch, and first weights under "weights/" and their paths."""
  rng = np.random.default_rng(0)
  config = problem.config
  shape = (problem.utterances, problem.frames, config.feature_dim)
  weights = trees.flatten(init(config, jax.random.key(0)))
  return {
    "features": rng.normal(size=shape).astype(np.float32),
    "frame_lengths": problem.frame_lengths,
    "labels": rng.integers(0, config.blank, (*shape[:1], problem.labels)).astype(np.int32),
    "label_lengths": problem.label_lengths,
  } | {f"weights/{path}": np.asarray(leaf) for path, leaf in weights.items()}


def weights_of(arrays: Arrays) -> Arrays:
  """Path -> first weights."""
  return {
    name.removeprefix("weights/"): array
    for name, array in arrays.items()
    if name.startswith("weights/")
  }


def forward_flops(problem: TrainProblem) -> int:
  """2 for every weight of a matrix and every row that it is multiplied with.

  Rows: frames below the time reduction, encoded frames above it, labels and their beginning in the
  prediction network, pairs of both in the joint's output. An embedding is looked up.
  """
  return sum(2 * size * _rows(problem, path) for path, size in _matrices(problem).items())


def step_flops(problem: TrainProblem) -> int:
  """Forward, and in the backward pass once more for each factor's gradient; features have none."""
  config, cell = problem.config, encoder_cell(problem.config)
  size = _matrices(problem)["encoder/layer_0/kernel"]
  recurrent = cell.output_dim * len(cell.gates) * config.encoder_cells
  of_features = 2 * (size - recurrent) * _rows(problem, "encoder/layer_0/kernel")
  return 3 * forward_flops(problem) - of_features


def _matrices(problem: TrainProblem) -> dict[str, int]:
  counted = inventory.count(problem.config)
  return {
    path: counted.parameters[path]
    for path, shape in counted.shapes.items()
    if len(shape) == 2 and path != "prediction/embedding"
  }


def _rows(problem: TrainProblem, path: str) -> int:
  config = problem.config
  encoded, nodes = -(-problem.frame_lengths // config.time_reduction), problem.label_lengths + 1
  part, layer, *_ = path.split("/")
  if path == "joint/output_kernel":
    return int((encoded.astype(np.int64) * nodes).sum())
  if part == "prediction" or path == "joint/prediction":
    return int(nodes.sum())
  below = part == "encoder" and int(layer.removeprefix("layer_")) < config.time_reduction_after
  return int(encoded.sum()) * (config.time_reduction if below else 1)
