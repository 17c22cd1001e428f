"""Tiles: every valid node in exactly one of them, and its number found again."""

import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss import tiles, windows

LENGTHS = [
  ([17, 3, 9], [6, 0, 8]),
  ([0, 17, 0], [3, 8, 0]),
  ([0, 0, 0], [0, 1, 2]),
  ([17, 17, 8], [8, 7, 3]),
]


@pytest.mark.parametrize("frame_lengths, label_lengths", LENGTHS)
def test_tiles_cover_each_valid_node_once(frame_lengths, label_lengths):
  batch, frames, nodes = 3, 17, 9
  lengths = jnp.array(frame_lengths), jnp.array(label_lengths)
  cover = tiles.cover(*lengths, frames, nodes)
  b, t, u = (np.asarray(x)[: int(cover.count)] for x in cover[:3])
  visits = np.zeros((batch, frames + tiles.FRAMES, nodes + tiles.width(nodes)), int)
  for k in range(len(b)):
    visits[b[k], t[k] : t[k] + tiles.FRAMES, u[k] : u[k] + tiles.width(nodes)] += 1
  t, u = np.arange(visits.shape[1])[:, None], np.arange(visits.shape[2])
  t_end, u_end = np.array(frame_lengths)[:, None, None], np.array(label_lengths)[:, None, None]
  np.testing.assert_array_equal(visits[(t < t_end) & (u <= u_end)], 1)
  far = (t >= t_end + tiles.FRAMES) | (u > u_end + tiles.width(nodes)) | (t_end == 0)
  np.testing.assert_array_equal(visits[far], 0)
  np.testing.assert_array_equal(np.asarray(cover.b)[int(cover.count) :], batch)


def test_numbers_by_tile_are_found_by_node():
  lengths, frames, nodes = (jnp.array([17, 3, 9]), jnp.array([6, 0, 8])), 17, 9
  names = jnp.arange(3.0 * 17 * 9).reshape(3, 17, 9)
  cover = tiles.cover(*lengths, frames, nodes)
  padded = np.pad(names, ((0, 0), (0, tiles.FRAMES), (0, tiles.width(nodes))))
  by_tile = np.full((cover.b.size, tiles.FRAMES, tiles.width(nodes)), -1.0, np.float32)
  for k in range(int(cover.count)):
    b, t, u = (int(x[k]) for x in cover[:3])
    by_tile[k] = padded[b, t : t + tiles.FRAMES, u : u + tiles.width(nodes)]
  got = tiles.by_node(jnp.asarray(by_tile), *lengths, frames, nodes)
  for b, (t, u) in enumerate([(17, 6), (3, 0), (9, 8)]):
    np.testing.assert_array_equal(got[b, :t, : u + 1], names[b, :t, : u + 1])


def test_windows_added_are_those_taken():
  x = jnp.arange(2.0 * 7 * 3).reshape(2, 7, 3)
  b, start = jnp.array([1, 0, 1, 2]), jnp.array([2, 4, 3, 0])
  taken = windows.take(x, b, start, 3)
  np.testing.assert_array_equal(taken[0], x[1, 2:5])
  np.testing.assert_array_equal(taken[1], x[0, 4:7])
  expected = np.zeros((2, 7, 3))
  for k in range(3):  # the fourth names an utterance that does not exist
    expected[b[k], start[k] : start[k] + 3] += taken[k]
  np.testing.assert_array_equal(windows.add(jnp.zeros_like(x), b, start, taken), expected)


@pytest.mark.parametrize("nodes, width", [(1, 3), (9, 3), (17, 6), (40, 5), (50, 5), (60, 6)])
def test_tiles_fit_a_full_utterance(nodes, width):
  assert tiles.width(nodes) == width
