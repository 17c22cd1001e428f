"""Block-sparse storage of a pruned matrix [in, out]: its blocks that are not all zero.

A block is `block` = (inputs, outputs) entries; (8, 1) is eight consecutive inputs of one output.
The matrix is cut into columns of blocks (padded with zeros at the far ends), and for every column
of blocks, from its first input on:

  count  [columns]                 how many blocks are kept
  index  [kept]                    which, as a position along the inputs, rising within a column
  blocks [kept, inputs * outputs]  their entries, inputs first

Counts and indices are uint8 where they fit, else uint16.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Integer, Shaped

PARTS = ("blocks", "index", "count")
Matrix = Shaped[np.ndarray, "D E"]


class BlockSparse(NamedTuple):
  """A packed matrix."""

  blocks: Shaped[np.ndarray, "K A"]
  index: Integer[np.ndarray, "K"]
  count: Integer[np.ndarray, "C"]

  @property
  def nbytes(self) -> int:
    return sum(part.nbytes for part in self)


def grid(shape: tuple[int, int], block: tuple[int, int]) -> tuple[int, int]:
  """How many blocks lie along the inputs and along the outputs."""
  if len(block) != 2 or min(block) < 1:
    raise ValueError(f"a block is (inputs, outputs), both 1 or more, got {block}")
  return -(-shape[0] // block[0]), -(-shape[1] // block[1])


def position_dtype(rows: int) -> type[np.unsignedinteger]:
  """The type of counts and indices for `rows` blocks along the inputs."""
  if rows > np.iinfo(np.uint16).max:
    raise ValueError(f"{rows} blocks along the inputs do not fit 16 bits: use a larger block")
  return np.uint8 if rows <= np.iinfo(np.uint8).max else np.uint16


def pack(matrix: Matrix, block: tuple[int, int]) -> BlockSparse:
  """Keeps every block that has an entry other than zero."""
  rows, columns = grid(matrix.shape, block)
  padded = np.zeros((rows * block[0], columns * block[1]), matrix.dtype)
  padded[: matrix.shape[0], : matrix.shape[1]] = matrix
  cut = padded.reshape(rows, block[0], columns, block[1]).transpose(2, 0, 1, 3)
  keep = (cut != 0).any(axis=(2, 3))
  dtype = position_dtype(rows)
  return BlockSparse(
    blocks=cut[keep].reshape(-1, block[0] * block[1]),
    index=np.nonzero(keep)[1].astype(dtype),
    count=keep.sum(axis=1).astype(dtype),
  )


def check(
  packed: BlockSparse, shape: tuple[int, int], block: tuple[int, int], width: int | None = None
) -> None:
  """Raises ValueError, saying why, unless `packed` can be unpacked to a matrix of `shape`.

  width: entries of a row of `blocks`, if they are packed themselves; else those of a block.
  """
  rows, columns = grid(shape, block)
  dtype, kept = np.dtype(position_dtype(rows)), len(packed.index)
  if packed.index.dtype != dtype or packed.count.dtype != dtype:
    raise ValueError(f"positions are {packed.index.dtype}/{packed.count.dtype}, expected {dtype}")
  if packed.count.shape != (columns,) or packed.index.ndim != 1:
    raise ValueError(f"counts have shape {packed.count.shape}, expected ({columns},)")
  if packed.blocks.shape != (kept, width or block[0] * block[1]):
    raise ValueError(f"blocks have shape {packed.blocks.shape}, but {kept} are indexed")
  if int(packed.count.sum(dtype=np.int64)) != kept:
    raise ValueError(f"counts add up to {packed.count.sum(dtype=np.int64)}, but {kept} are indexed")
  if kept and int(packed.index.max()) >= rows:
    raise ValueError(f"block index {packed.index.max()} is beyond the {rows} blocks of a column")
  column = np.repeat(np.arange(columns), packed.count)
  falling = np.diff(packed.index.astype(np.int64)) <= 0
  if (falling & (np.diff(column) == 0)).any():
    raise ValueError("block indices do not rise within a column")


def unpack(packed: BlockSparse, shape: tuple[int, int], block: tuple[int, int]) -> Matrix:
  """The dense matrix; `packed` must have passed `check`."""
  rows, columns = grid(shape, block)
  cut = np.zeros((columns, rows, *block), packed.blocks.dtype)
  column = np.repeat(np.arange(columns), packed.count)
  cut[column, packed.index] = packed.blocks.reshape(-1, *block)
  padded = cut.transpose(1, 2, 0, 3).reshape(rows * block[0], columns * block[1])
  return np.ascontiguousarray(padded[: shape[0], : shape[1]])
