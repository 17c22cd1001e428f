"""The valid part of a padded batch of lattices, cut into tiles that lie one after the other.

An utterance of T frames and U labels has T x (U + 1) nodes, which ceil(T / FRAMES) x
ceil((U + 1) / width) tiles cover. Work that walks over the tiles skips the padding, although all
shapes are static: only the number of tiles depends on the lengths.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.chunks import Tiles

# Nodes of one tile share rows of the encoder and of the predictor. Small, so that little is wasted
# at the ends of an utterance; not single nodes, as each tile's rows are gathered and scattered.
FRAMES = 8


def width(nodes: int) -> int:
  """Labels across a tile, 3 to 6: the most that leave the least over of a full utterance."""
  return min(range(3, 7), key=lambda size: (-nodes % size, -size))


class _Packing(NamedTuple):
  """Where the tiles of each utterance lie, in the order utterance, frame, label."""

  first: Int[Array, "B"]  # its first tile
  across: Int[Array, "B"]  # tiles side by side along its labels
  count: Int[Array, ""]


def cover(
  frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"], frames: int, nodes: int
) -> Tiles:
  """The tiles of a batch, with room for one in which every utterance is full."""
  packing = _pack(frame_lengths, label_lengths, width(nodes))
  batch = frame_lengths.size
  k = jnp.arange(batch * -(-frames // FRAMES) * -(-nodes // width(nodes)))
  b = jnp.sum(k[:, None] >= packing.first[1:], axis=-1)
  row, column = jnp.divmod(k - packing.first[b], packing.across[b])
  b = jnp.where(k < packing.count, b, batch)
  return Tiles(b, row * FRAMES, column * width(nodes), packing.count)


def by_node(
  x: Float[Array, "K t u"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  frames: int,
  nodes: int,
) -> Float[Array, "B T U1"]:
  """A number per node, from numbers by tile; beyond the lengths, any of them."""
  packing = _pack(frame_lengths, label_lengths, width(nodes))
  row = jnp.arange(-(-frames // FRAMES))[:, None]
  column = jnp.arange(-(-nodes // width(nodes)))
  index = packing.first[:, None, None] + row * packing.across[:, None, None] + column
  tiled = x.at[index].get(mode="clip").swapaxes(2, 3)
  return tiled.reshape(index.shape[0], row.size * FRAMES, column.size * width(nodes))[
    :, :frames, :nodes
  ]


def _pack(frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"], size: int) -> _Packing:
  across = -(-(label_lengths + 1) // size)
  count = -(-frame_lengths // FRAMES) * across
  end = jnp.cumsum(count)
  return _Packing(end - count, across, end[-1])
