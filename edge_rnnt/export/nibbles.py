"""Storage of whole numbers of 4 bits, -8 .. 7, two in a byte.

  byte i = (value 2i & 15) | (value 2i+1 & 15) << 4        along one axis, two's complement

An odd count is filled up with a zero.
"""

import numpy as np
from jaxtyping import Int8, UInt8

NIBBLES = ".nibbles"


def pack(values: Int8[np.ndarray, "..."], axis: int) -> UInt8[np.ndarray, "..."]:
  """Half as many bytes along `axis`. Raises ValueError for a value beyond 4 bits."""
  if values.size and (values.min() < -8 or values.max() > 7):
    raise ValueError(f"values of {values.min()} .. {values.max()} do not fit 4 bits")
  rows = np.moveaxis(values, axis, 0)
  filled = np.concatenate([rows, np.zeros((len(rows) % 2, *rows.shape[1:]), np.int8)])
  low, high = (filled.view(np.uint8)[first::2] & 15 for first in (0, 1))
  return np.ascontiguousarray(np.moveaxis(low | (high << 4), 0, axis))


def unpack(packed: UInt8[np.ndarray, "..."], count: int, axis: int) -> Int8[np.ndarray, "..."]:
  """The `count` values along `axis`."""
  rows = np.moveaxis(packed, axis, 0)
  values = np.empty((2 * len(rows), *rows.shape[1:]), np.int8)
  # Shifted up and, with its sign, down again.
  values[0::2], values[1::2] = (rows << 4).view(np.int8) >> 4, rows.view(np.int8) >> 4
  return np.ascontiguousarray(np.moveaxis(values[:count], 0, axis))


def shape(matrix: tuple[int, int]) -> tuple[int, int]:
  """The shape of a matrix [in, out] packed along its inputs."""
  return -(-matrix[0] // 2), matrix[1]
