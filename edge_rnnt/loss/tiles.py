"""The valid part of a padded batch of lattices, cut into tiles and packed one after the other.

An utterance of T frames and U labels has T x (U + 1) nodes, which ceil(T / FRAMES) x
ceil((U + 1) / NODES) tiles cover. Work that walks over packed tiles skips the padding, although all
shapes are static: only the number of rounds depends on the lengths.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

# Nodes of one tile share rows of the encoder and the predictor. Small, so that little is wasted at
# the edges of an utterance; not one by one, as a row is gathered and scattered for each tile.
FRAMES = 8
NODES = 4


class Tiles(NamedTuple):
  """Where the tiles of each utterance lie in the packed order (utterance, frames, labels)."""

  first: Int[Array, "B"]  # index of an utterance's first tile
  across: Int[Array, "B"]  # tiles side by side along its labels
  total: Int[Array, ""]


class Places(NamedTuple):
  """Utterance, row of tiles along T and column of tiles along U, of some tiles."""

  b: Int[Array, "K"]
  row: Int[Array, "K"]
  column: Int[Array, "K"]


def pack(frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]) -> Tiles:
  across = -(-(label_lengths + 1) // NODES)
  count = -(-frame_lengths // FRAMES) * across
  end = jnp.cumsum(count)
  return Tiles(end - count, across, end[-1])


def most(batch: int, frames: int, nodes: int) -> int:
  """Tiles of a batch without padding: room enough for every batch of that shape."""
  return batch * -(-frames // FRAMES) * -(-nodes // NODES)


def places(tiles: Tiles, index: Int[Array, "K"]) -> Places:
  """Indices from `total` on get places outside, which gathers clip and scatters drop."""
  b = jnp.sum(index[:, None] >= tiles.first[1:], axis=-1)
  row, column = jnp.divmod(index - tiles.first[b], tiles.across[b])
  b = jnp.where(index < tiles.total, b, tiles.first.size)
  return Places(b, row, column)


def split(x: Shaped[Array, "B L D"], size: int) -> Shaped[Array, "B R size D"]:
  """Rows in groups of `size`, the last one filled up with zeros."""
  x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % size), (0, 0)))
  return x.reshape(x.shape[0], -1, size, x.shape[-1])


def join(x: Float[Array, "B R size D"], length: int) -> Float[Array, "B L D"]:
  """The inverse of `split`."""
  return x.reshape(x.shape[0], -1, x.shape[-1])[:, :length]


def index(tiles: Tiles, frames: int, nodes: int) -> Int[Array, "B R C"]:
  """The place of each tile in the packed order; of one beyond the lengths, any place."""
  row = jnp.arange(-(-frames // FRAMES))[:, None]
  column = jnp.arange(-(-nodes // NODES))
  return tiles.first[:, None, None] + row * tiles.across[:, None, None] + column


def grid(x: Float[Array, "B T U1"]) -> Float[Array, "B R C t u"]:
  """A number per node, by tile."""
  x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % FRAMES), (0, -x.shape[2] % NODES)))
  batch, frames, nodes = x.shape
  x = x.reshape(batch, frames // FRAMES, FRAMES, nodes // NODES, NODES)
  return x.swapaxes(2, 3)


def ungrid(x: Float[Array, "B R C t u"], frames: int, nodes: int) -> Float[Array, "B T U1"]:
  """The inverse of `grid`."""
  batch, rows, columns, *_ = x.shape
  return x.swapaxes(2, 3).reshape(batch, rows * FRAMES, columns * NODES)[:, :frames, :nodes]
