"""Packing: every valid node in exactly one tile, and back."""

import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss import tiles


@pytest.mark.parametrize(
  "frame_lengths, label_lengths",
  [
    ([17, 3, 9], [6, 0, 8]),
    ([0, 17, 0], [3, 8, 0]),
    ([0, 0, 0], [0, 1, 2]),
    ([17, 17, 8], [8, 7, 3]),
  ],
)
def test_tiles_cover_each_valid_node_once(frame_lengths, label_lengths):
  batch, frames, nodes = 3, 17, 9
  packed = tiles.pack(jnp.array(frame_lengths), jnp.array(label_lengths))
  at = tiles.places(packed, jnp.arange(tiles.most(batch, frames, nodes) + 5))
  covered = (
    jnp.zeros(tiles.grid(jnp.zeros((batch, frames, nodes))).shape).at[at].add(1, mode="drop")
  )
  seen = np.asarray(tiles.ungrid(covered, frames, nodes))
  t, u = np.arange(frames)[:, None], np.arange(nodes)
  t_end, u_end = np.array(frame_lengths)[:, None, None], np.array(label_lengths)[:, None, None]
  np.testing.assert_array_equal(seen[(t < t_end) & (u <= u_end)], 1)
  beyond = (t >= t_end + tiles.FRAMES) | (u > u_end + tiles.NODES) | (t_end == 0)
  np.testing.assert_array_equal(seen[beyond], 0)
  index = np.asarray(tiles.index(packed, frames, nodes))
  for k in range(int(packed.total)):
    assert index[at.b[k], at.row[k], at.column[k]] == k


def test_grid_and_split_have_inverses():
  x = jnp.arange(2.0 * 9 * 7).reshape(2, 9, 7)
  np.testing.assert_array_equal(tiles.ungrid(tiles.grid(x), 9, 7), x)
  np.testing.assert_array_equal(tiles.join(tiles.split(x, 4), 9), x)
