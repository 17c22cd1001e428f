"""Storage of a dense 8-bit matrix [in, out] in the order in which a processor multiplies it.

A processor multiplies four bytes at once, so four inputs of an output stand side by side, and 16
outputs of them make a row of 64 bytes; the rows of the same outputs follow each other:

  panels[p, q, e, d] = matrix[4 q + d, 16 p + e]        zeros beyond the matrix

The whole is read once, from its beginning to its end.
"""

import numpy as np
from jaxtyping import Int8

INPUTS, OUTPUTS = 4, 16
PANELS = ".panels"

Matrix = Int8[np.ndarray, "D E"]
Panels = Int8[np.ndarray, "p q 16 4"]


def shape(matrix: tuple[int, int]) -> tuple[int, int, int, int]:
  """The shape of a matrix [in, out] in panels."""
  return -(-matrix[1] // OUTPUTS), -(-matrix[0] // INPUTS), OUTPUTS, INPUTS


def pack(matrix: Matrix) -> Panels:
  """The matrix in panels."""
  count, quads, *_ = shape(matrix.shape)
  padded = np.zeros((quads * INPUTS, count * OUTPUTS), np.int8)
  padded[: matrix.shape[0], : matrix.shape[1]] = matrix
  cut = padded.reshape(quads, INPUTS, count, OUTPUTS)
  return np.ascontiguousarray(cut.transpose(2, 0, 3, 1))


def unpack(panels: Panels, matrix: tuple[int, int]) -> Matrix:
  """The matrix of shape `matrix` again."""
  count, quads, *_ = panels.shape
  padded = panels.transpose(1, 3, 0, 2).reshape(quads * INPUTS, count * OUTPUTS)
  return np.ascontiguousarray(padded[: matrix[0], : matrix[1]])
