"""Block pruning by magnitude, slowly and readably: one block after another in NumPy."""

import numpy as np


def keep_mask(weights: np.ndarray, kept: int, block: tuple[int, int], pool: str) -> np.ndarray:
  """The `kept` blocks with the highest mean or maximum of |w| stay; of equals the first."""
  scores = []
  for row in range(0, weights.shape[0], block[0]):
    for column in range(0, weights.shape[1], block[1]):
      cut = np.abs(weights[row : row + block[0], column : column + block[1]])
      scores.append((cut.mean() if pool == "mean" else cut.max(), row, column))
  scores.sort(key=lambda score: (-score[0], score[1], score[2]))

  mask = np.zeros(weights.shape, bool)
  for _, row, column in scores[:kept]:
    mask[row : row + block[0], column : column + block[1]] = True
  return mask
