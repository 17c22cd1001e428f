"""Raw samples from a pipe, as other programs write them: 16-bit or float, little-endian."""

from collections.abc import Iterator
from io import BufferedReader

import numpy as np
from jaxtyping import Float32

from edge_rnnt.audio.files import AudioError, check_values

NAME = "stdin"
FORMATS = {"s16le": ("<i2", 1 / 32768), "f32le": ("<f4", 1.0)}
"""As ffmpeg calls them -> (NumPy type, what makes it [-1, 1])."""
CONTAINERS = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b"caff")
"""How files begin that are no raw samples, though people pipe them."""


def pcm_blocks(
  pipe: BufferedReader, rate: int, encoding: str, channels: int, seconds: float
) -> Iterator[Float32[np.ndarray, "n"]]:
  """Blocks of at most so many seconds, each as soon as it is there, channels averaged.

  The pipe is a buffered one. A last sample that is cut in two is left out.
  Raises AudioError for no samples at all, for an audio file instead of samples, and for values that
  are no audio.
  """
  dtype, unit = FORMATS[encoding]
  size = np.dtype(dtype).itemsize * channels
  waiting, heard = b"", 0
  while read := pipe.read1(max(1, round(seconds * rate)) * size):
    if not heard and (waiting + read).startswith(CONTAINERS):
      raise AudioError(
        NAME,
        f"holds an audio file, where raw samples ({encoding}) are expected",
        f"Name the file instead, or pipe it through: ffmpeg -i - -f {encoding} -",
      )
    waiting += read
    whole = len(waiting) // size * size
    block = np.frombuffer(waiting[:whole], dtype).reshape(-1, channels)
    with np.errstate(invalid="ignore"):  # a NaN is told below
      block = block.astype(np.float32) * unit
    waiting = waiting[whole:]
    if len(block):
      heard += len(block)
      check_values(block, NAME)
      yield block.mean(axis=1, dtype=np.float32)
  if not heard:
    raise AudioError(NAME, "holds no samples", "Does the program before the pipe write any?")
