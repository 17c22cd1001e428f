"""Audio of one rate -> another, while it comes: soxr (HQ, linear phase), one channel."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from jaxtyping import Float32


def resampled(
  blocks: Iterable[Float32[np.ndarray, "n"]], from_rate: int, to_rate: int
) -> Iterator[Float32[np.ndarray, "m"]]:
  """Blocks at from_rate (Hz) -> blocks at to_rate; the cuts between them change nothing.

  Equal rates pass through untouched. Loud audio may overshoot 1 by a little; it is not clipped.
  """
  if from_rate == to_rate:
    yield from blocks
    return
  resampler = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")
  for block in blocks:
    samples = resampler.resample_chunk(block)
    if len(samples):
      yield samples
  yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
