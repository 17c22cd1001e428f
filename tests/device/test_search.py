"""Greedy search over scripted scores."""

from typing import NamedTuple

import numpy as np
import pytest

from edge_rnnt.device.network import Encoder, Network
from edge_rnnt.device.search import GreedySearch, Token

BLANK = 3


class Scripted:
  """A joint whose best piece is what the frame lists for the number of labels so far."""

  def encoded(self, rows: np.ndarray) -> np.ndarray:
    return rows

  def predicted(self, rows: np.ndarray) -> np.ndarray:
    return rows

  def scores(self, encoded: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    scores = np.zeros((len(encoded), BLANK + 1))
    for row, frame, count in zip(scores, encoded, predicted[:, 0], strict=True):
      row[int(frame[min(int(count), len(frame) - 1)])] = 1
    return scores


class Count(NamedTuple):
  count: np.ndarray


class Counter:
  """A prediction network that counts the labels it was given after the first blank."""

  def initial_state(self, batch: int) -> Count:
    return Count(np.full((batch, 1), -1.0))

  def step(self, state: Count, x: np.ndarray) -> tuple[Count, np.ndarray]:
    return Count(state.count + 1), state.count + 1


def scripted(batch: int, max_symbols: int = 4) -> GreedySearch:
  encoder = Encoder(layers=[], feature_dim=1, reduction=1, below=0, enter=lambda x: x)
  network = Network(encoder, [Counter()], np.zeros((BLANK + 1, 1)), Scripted())
  return GreedySearch(network, BLANK, batch, max_symbols)


def test_a_frame_speaks_until_blank_is_best():
  search = scripted(1)
  search.accept(np.array([[0.0, 1, BLANK, BLANK]]))
  search.accept(np.array([[BLANK, BLANK, BLANK, BLANK]]))
  search.accept(np.array([[BLANK, BLANK, 2, BLANK]]))
  assert search.tokens == [[Token(0, 0), Token(1, 0), Token(2, 2)]]


def test_at_most_max_symbols_in_a_frame():
  search = scripted(1, max_symbols=2)
  search.accept(np.array([[1.0, 1, 1, 1]]))
  search.accept(np.array([[1.0, 1, 1, BLANK]]))
  assert search.tokens == [[Token(1, 0), Token(1, 0), Token(1, 1)]]


def test_streams_advance_apart_and_ended_ones_are_silent():
  search = scripted(3)
  frames = np.array([[0.0, BLANK, BLANK], [BLANK, BLANK, BLANK], [2, 1, BLANK]])
  search.accept(frames, np.array([True, True, False]))
  search.accept(frames, np.array([False, True, True]))
  assert search.tokens == [[Token(0, 0)], [], [Token(2, 1), Token(1, 1)]]


def test_no_symbols_at_all_is_refused():
  with pytest.raises(ValueError, match="at least one symbol"):
    scripted(1, max_symbols=0)
