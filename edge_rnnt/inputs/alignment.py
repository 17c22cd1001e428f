"""Where the labels of an utterance lie, for utterances whose word boundaries are known."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32

UNKNOWN = -1
"""A frame about which nothing is known."""

BETWEEN = -2
"""A frame that is known to say nothing (yet)."""


def align(
  spans: Sequence[tuple[float, float]], labels: Sequence[int], frames: int
) -> Int32[np.ndarray, "T"]:
  """What every frame says: BETWEEN, but in the second half of a word its label.

  A streaming model cannot know a word before it has heard some of it, so nothing is asked of the
  first half.

  Args:
    spans: begin and end of each word, in frames.
    labels: one label for each word.
    frames: how many frames the utterance has.

  Raises:
    ValueError: there are not as many spans as labels.
  """
  aligned = np.full(frames, BETWEEN, np.int32)
  for (begin, end), label in zip(spans, labels, strict=True):
    aligned[int((begin + end) / 2) : int(end) + 1] = label
  return aligned
