"""A made-up language, a model for it that trains in seconds, and a finished run of it."""

import pathlib
from collections.abc import Callable

import pytest
from ml_collections import ConfigDict

from data.corpora import Corpora
from data.tones import tone_corpora
from experiments import pipeline, quickstart


def small_config() -> ConfigDict:
  config = quickstart.get_config()
  config.front_end.num_mels = 12
  config.front_end.tail_seconds = 0.12
  config.model.update(
    encoder_layers=2, encoder_cells=32, encoder_projection=24, prediction_cells=24,
    prediction_projection=None, joint_dim=24, embedding_dim=8,
  )  # fmt: skip
  config.batch_size, config.buckets = 16, 1
  config.optimizer.warmup_steps, config.optimizer.ema_decay = 10, 0.9
  config.evaluate_every = 1000  # at the ends of stages only
  config.calibration_utterances = 48
  steps = {"align": 40, "hear": 60, "dense": 260, "half": 40, "eighty": 100}
  for name, count in steps.items():
    config.stages[name].update(steps=count, rate=6e-3, final=1e-3, disturb=0.0)
  return config


@pytest.fixture(scope="session")
def make_corpora() -> Callable[[], Corpora]:
  return tone_corpora


@pytest.fixture(scope="session")
def make_config() -> Callable[[], ConfigDict]:
  return small_config


@pytest.fixture(scope="session")
def workdir(tmp_path_factory) -> pathlib.Path:
  """The whole recipe, run once for all tests."""
  workdir = tmp_path_factory.mktemp("run")
  pipeline.run(small_config(), tone_corpora(), workdir, command="the test")
  return workdir
