"""A model whose words are known: "on" where sound sets in, "off" where it stops.

Its weights are set by hand. The encoder's LSTM keeps how loud the last frame was (cell 0) and
compares (cell 1); the prediction network knows which word was last, so that the two alternate.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.export.container import write
from edge_rnnt.export.freeze import freeze
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

RATE = 8000
FRAME = 0.03
OPEN, SHUT = 10.0, -10.0


def _lstm(inputs: np.ndarray, recurrent: np.ndarray) -> dict[str, np.ndarray]:
  """Gates i and o open, f shut; inputs [in, cells] and recurrent [cells, cells] feed g."""
  cells = inputs.shape[1]
  g = np.concatenate([inputs, recurrent])
  none = np.zeros_like(g)
  return {
    "kernel": np.concatenate([none, none, g, none], axis=1).astype(np.float32),
    "bias": np.repeat([OPEN, SHUT, 0, OPEN], cells).astype(np.float32),
  }


def _params(on: int, off: int, vocabulary: int) -> dict:
  loud = np.tanh(np.tanh(2.0))
  encoder = _lstm(np.full((3, 2), [2 / 3, loud]), np.array([[0, -3.0], [0, 0]]))
  embedding = np.full((vocabulary, 1), -3.0, np.float32)
  embedding[on] = 3
  output = np.zeros((2, vocabulary), np.float32)
  output[0, on] = output[1, off] = 10
  output_bias = np.full(vocabulary, -50, np.float32)
  output_bias[[on, off, vocabulary - 1]] = 0
  return {
    "encoder": {"layer_0": encoder},
    "prediction": {"embedding": embedding, "layer_0": _lstm(np.ones((1, 1)), np.zeros((1, 1)))},
    "joint": {
      "encoder": np.array([[0, 0], [8, -8]], np.float32),
      "prediction": np.array([[-8, 8]], np.float32),
      "bias": np.full(2, -9.6, np.float32),
      "output_kernel": output,
      "output_bias": output_bias,
    },
  }


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
  wordpieces = train_wordpieces(["on off"], vocab_size=10, model_type="word")
  pieces = WordPieces(wordpieces)
  config = RNNTConfig(
    feature_dim=3,
    vocab_size=pieces.vocab_size,
    encoder_layers=1,
    encoder_cells=2,
    encoder_projection=None,
    time_reduction=1,
    time_reduction_after=0,
    embedding_dim=1,
    prediction_layers=1,
    prediction_cells=1,
    prediction_projection=None,
    joint_dim=2,
    layer_norm=False,
  )
  front_end = FrontEnd(
    sample_rate=RATE, num_mels=3, stack=1, mean=(-8.0,) * 3, std=(0.5,) * 3, clip=1.0
  )
  params = _params(*pieces.encode("on off"), pieces.vocab_size)
  path = tmp_path_factory.mktemp("model") / "bursts.edge"
  write(path, freeze(params, config, "float"), front_end.to_json(), wordpieces)
  return path


@pytest.fixture
def recognizer(model) -> Recognizer:
  return Recognizer.open(model)


Bursts = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def bursts() -> Bursts:
  """(seconds of audio, spans of sound in seconds, rate in Hz) -> samples."""

  def make(seconds: float, spans: Sequence[tuple[float, float]], rate: int = RATE) -> np.ndarray:
    rng = np.random.default_rng(3)
    samples = 1e-4 * rng.standard_normal(round(seconds * rate))
    for begin, end in spans:
      span = slice(round(begin * rate), round(end * rate))
      samples[span] = 0.2 * rng.standard_normal(span.stop - span.start)
    return samples.clip(-1, 1).astype(np.float32)

  return make
