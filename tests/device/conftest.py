"""Small models of every cell and scheme, with random weights, as device files."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import write
from edge_rnnt.export.freeze import freeze
from edge_rnnt.export.layout import expected
from edge_rnnt.export.ranges import measure_ranges
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces
from edge_rnnt.train.ranges import Utterances

TEXTS = ["zero one two three four five six seven eight nine"]


class Example(NamedTuple):
  """A model, what it hears, and everything a device file of it needs."""

  config: RNNTConfig
  params: dict
  front_end: FrontEnd
  wordpieces: bytes
  utterances: list[np.ndarray]
  frames: np.ndarray
  lengths: np.ndarray
  ranges: dict

  def write(self, path: Path, scheme: str, **kwargs) -> Path:
    frozen = freeze(self.params, self.config, scheme, ranges=self.ranges, **kwargs)
    write(path, frozen, self.front_end.to_json(), self.wordpieces, card="an example")
    return path


def nested(flat: dict[str, np.ndarray]) -> dict:
  tree: dict = {}
  for path, value in flat.items():
    *parents, leaf = path.split("/")
    functools.reduce(lambda node, key: node.setdefault(key, {}), parents, tree)[leaf] = value
  return tree


def random_params(config: RNNTConfig, rng: np.random.Generator) -> dict:
  """Weights of the size that training starts from; biases and gains away from 0 and 1."""
  flat = {}
  for name, (_, shape) in expected(
    Architecture.from_json(without_auxiliary(config.to_json())), "float"
  ).items():
    values = rng.standard_normal(shape)
    if len(shape) == 2:
      values = values / np.sqrt(shape[0])
    elif name.endswith("/gain"):
      values = 1 + 0.2 * values
    else:
      values = 0.3 * values
    flat[name] = values.astype(np.float32)
  return nested(flat)


def make_example(cell: str, layer_norm: bool = True, projection: int | None = 16) -> Example:
  rng = np.random.default_rng(7)
  wordpieces = train_wordpieces(TEXTS, vocab_size=20, model_type="word")
  front_end = FrontEnd(sample_rate=8000, num_mels=10, tail_seconds=0.05)
  config = RNNTConfig(
    feature_dim=40,
    vocab_size=WordPieces(wordpieces).vocab_size,
    encoder_cell=cell,
    encoder_layers=2,
    time_reduction_after=1,
    encoder_cells=24,
    encoder_projection=projection,
    embedding_dim=8,
    prediction_cell=cell,
    prediction_layers=1,
    prediction_cells=16,
    prediction_projection=None if projection is None else 8,
    joint_dim=16,
    layer_norm=layer_norm,
  )
  utterances = [
    (0.1 * rng.standard_normal(round(8000 * seconds))).astype(np.float32)
    for seconds in (0.31, 0.5, 0.12, 0.44)
  ]
  front_end = front_end.with_statistics([front_end.log_mel(samples) for samples in utterances])
  front_end = dataclasses.replace(front_end, clip=4.0)
  features = [front_end.features(samples) for samples in utterances]
  lengths = np.array([len(rows) for rows in features], np.int32)
  frames = np.zeros((len(features), lengths.max(), 40), np.float32)
  for row, rows in zip(frames, features, strict=True):
    row[: len(rows)] = rows
  params = random_params(config, rng)
  labels = rng.integers(0, config.blank, (len(features), 6)).astype(np.int32)
  batch = Utterances(frames, lengths, labels, np.full(len(features), 6, np.int32))
  ranges = measure_ranges(params, config, [batch])
  return Example(config, params, front_end, wordpieces, utterances, frames, lengths, ranges)


@pytest.fixture(scope="session")
def example() -> Callable[..., Example]:
  """Builds an example once per session and setting."""
  return functools.cache(make_example)


@pytest.fixture(scope="session")
def model_file(example, tmp_path_factory) -> Callable[[str, str], Path]:
  """(cell, scheme) -> a device file, written once per session."""
  folder = tmp_path_factory.mktemp("models")

  @functools.cache
  def build(cell: str, scheme: str) -> Path:
    return example(cell).write(folder / f"{cell}_{scheme}.edge", scheme)

  return build
