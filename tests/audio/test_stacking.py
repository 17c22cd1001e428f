"""Stacked rows against their definition, in one piece and in pieces."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_rnnt.audio.stacking import Stacker


def slow_rows(frames, stack, stride):
  """row[k] = z[stride k - stack + 1] ... z[stride k], zeros before the first frame."""
  rows = []
  for last in range(0, len(frames), stride):
    row = [
      frames[f] if f >= 0 else np.zeros(frames.shape[1]) for f in range(last - stack + 1, last + 1)
    ]
    rows.append(np.concatenate(row))
  return np.array(rows).reshape(-1, stack * frames.shape[1])


@given(
  stack=st.integers(1, 6),
  stride=st.integers(1, 7),
  pieces=st.lists(st.integers(0, 9), max_size=8),
)
def test_rows_follow_their_definition_however_frames_arrive(stack, stride, pieces):
  frames = np.arange(1, 1 + 3 * sum(pieces), dtype=np.float32).reshape(-1, 3)
  stacker, begin, rows = Stacker(stack, stride, 3), 0, []
  for count in pieces:
    rows.append(stacker.push(frames[begin : begin + count]))
    begin += count
    # A row is out as soon as its last frame is in.
    assert sum(map(len, rows)) == -(-begin // stride)
  got = np.concatenate([np.zeros((0, 3 * stack), np.float32), *rows])
  np.testing.assert_array_equal(got, slow_rows(frames, stack, stride))


def test_the_published_rows():
  frames = np.arange(1, 9, dtype=np.float32)[:, None]
  got = Stacker(4, 3, 1).push(frames)
  np.testing.assert_array_equal(got, [[0, 0, 0, 1], [1, 2, 3, 4], [4, 5, 6, 7]])
