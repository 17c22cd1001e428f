"""G.711 mu-law: 14-bit samples in 8-bit floating point, as a digital telephone line carries them.

A magnitude in 14-bit units is biased by 33 and kept as its leading 1, which names one of eight
segments, and the four bits after it. Steps double from segment to segment: 2 units near zero, 256
at the top (ITU-T G.711, table 2a).
"""

import functools

import numpy as np
from jaxtyping import Float32

FULL_SCALE = 8192  # 14-bit units at a sample of 1.0
CLIP = 8158  # the largest magnitude with a code of its own
BIAS = 33


@functools.cache
def _round_trips() -> Float32[np.ndarray, "magnitudes"]:
  """The magnitude in [0, 1] that comes back for each 14-bit magnitude 0 ... CLIP."""
  biased = np.arange(CLIP + 1) + BIAS
  step = 1 << (np.log2(biased).astype(int) - 4)  # 2, 4, ..., 256
  return ((biased // step * step + step // 2 - BIAS) / FULL_SCALE).astype(np.float32)


def mu_law(samples: Float32[np.ndarray, "N"]) -> Float32[np.ndarray, "N"]:
  """Samples in [-1, 1] as they come out of an 8-bit mu-law line; louder ones are clipped."""
  magnitude = np.minimum(np.rint(np.abs(samples) * np.float32(FULL_SCALE)), CLIP).astype(np.int32)
  return np.copysign(_round_trips()[magnitude], samples)
