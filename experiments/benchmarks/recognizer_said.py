"""Random weights that say something: an output layer fitted to a drawn text.

A recognizer of random weights names a word-piece in every frame, or in none, and which one hangs on
the last bit. So word-pieces are drawn for every utterance, at speech's usual rate, and the joint
network's output layer is the ridge regression that gives them, at frames drawn too, and else the
blank. All else stays random. The work is that of a trained model then, and every runtime has to
find the same tokens, in any scheme.
"""

from collections.abc import Iterator

import numpy as np

from edge_rnnt.device.network import EncoderStream, Network
from edge_rnnt.device.search import Token

TOKENS_PER_SECOND = 3.5
RIDGE = 1e-3
"""Of the mean square of a hidden vector: about what 8 bits make of it."""

OTHERS_BIAS = -50.0
"""Keeps the word-pieces that nobody says away; scores are 1 for what is said."""


def draw_tokens(
  rng: np.random.Generator, utterances: int, frames: int, seconds: float, vocab_size: int
) -> list[list[Token]]:
  """Tokens in order, each at a frame of its own, for every utterance; the unknown one is none."""
  count = max(1, round(TOKENS_PER_SECOND * seconds))
  return [
    [
      Token(int(label), int(frame))
      for label, frame in zip(
        rng.integers(1, vocab_size - 1, count),
        np.sort(rng.choice(frames, count, replace=False)),
        strict=True,
      )
    ]
    for _ in range(utterances)
  ]


def fit(
  network: Network,
  features: np.ndarray,
  said: list[list[Token]],
  rng: np.random.Generator,
  vocab_size: int,
) -> tuple[np.ndarray, np.ndarray]:
  """Kernel [J, V] and bias [V] of the output layer with which features [B, T, F] are heard as said.

  Raises ValueError if the joint network is too narrow for it.
  """
  samples, targets = map(np.concatenate, zip(*_path(network, features, said), strict=True))
  known, columns = np.unique(targets, return_inverse=True)
  gram = samples @ samples.T
  gram[np.diag_indices_from(gram)] += RIDGE * np.diag(gram).mean()
  fitted = samples.T @ np.linalg.solve(gram, np.eye(len(known))[columns])
  if (np.argmax(samples @ fitted, axis=1) != columns).any():
    raise ValueError(f"a joint network of {samples.shape[1]} cannot tell {len(samples)} apart")
  kernel = rng.standard_normal((samples.shape[1], vocab_size)) * fitted.std()
  bias = np.full(vocab_size, OTHERS_BIAS)
  kernel[:, known], bias[known] = fitted, 0.0
  return kernel.astype(np.float32), bias.astype(np.float32)


def _path(
  network: Network, features: np.ndarray, said: list[list[Token]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Of each utterance: what the output layer sees [S, J] on the way of a search, and labels [S]."""
  encoder = EncoderStream(network.encoder, len(features))
  rows = [encoder.accept(features[:, time]) for time in range(features.shape[1])]
  rows = [row for row in (*rows, encoder.finish()) if row is not None]
  blank = len(network.embedding) - 1
  for number, tokens in enumerate(said):
    states = tuple(cell.initial_state(1) for cell in network.prediction)
    states, expected = network.predict(states, np.array([blank]))
    hidden, labels, left = [], [], list(tokens)
    for frame, row in enumerate(rows):
      heard = network.joint.encoded(row[number : number + 1])
      while left and left[0].frame == frame:
        hidden.append(np.tanh(heard + expected))
        labels.append(left.pop(0).id)
        states, expected = network.predict(states, np.array(labels[-1:]))
      hidden.append(np.tanh(heard + expected))
      labels.append(blank)
    yield np.concatenate(hidden).astype(np.float64), np.array(labels)
