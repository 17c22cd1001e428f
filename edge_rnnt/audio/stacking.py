"""Frames of 10 ms -> the wider, rarer rows that a model sees.

row[k] = z[stride k - stack + 1], ..., z[stride k], side by side, oldest first; frames before the
first are zeros. A row is ready as soon as its last frame is, so there are ceil(frames / stride) of
them.
"""

import numpy as np
from jaxtyping import Float32


class Stacker:
  """Frames in pieces -> rows.

  context  the last stack - 1 frames
  skip     frames to come before the one that completes the next row
  """

  def __init__(self, stack: int, stride: int, num_mels: int):
    self.stack, self.stride = stack, stride
    self._context = np.zeros((stack - 1, num_mels), np.float32)
    self._skip = 0

  def push(self, frames: Float32[np.ndarray, "frames M"]) -> Float32[np.ndarray, "t F"]:
    """The next frames -> the rows that they complete, perhaps none."""
    joined = np.concatenate([self._context, frames])
    if len(frames):
      ready = np.lib.stride_tricks.sliding_window_view(joined, self.stack, axis=0)
      ready = ready[self._skip :: self.stride].transpose(0, 2, 1)  # [t, stack, M]
    else:
      ready = np.zeros((0, self.stack, frames.shape[1]), np.float32)
    self._skip += len(ready) * self.stride - len(frames)
    self._context = joined[len(frames) :]
    return ready.reshape(len(ready), self.stack * frames.shape[1])
