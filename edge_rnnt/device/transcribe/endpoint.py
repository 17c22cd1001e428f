"""Where an utterance ends, while the audio still comes.

An utterance ends when for `pause` seconds of audio no word-piece was recognized and nothing was
loud: a model may say its words before they are over. Loud is what has a LOUD part of the energy of
the utterance's loudest moment. Without quiet (noise, music) it takes PATIENCE times as long. Once
an utterance is `longest` seconds long, shorter pauses will do, and at twice that length it ends
wherever it stands:

  needed(length) = pause * clip(2 - length / longest, 0, 1)
  ends = min(unspoken, quiet) >= needed  or  unspoken >= PATIENCE * needed

The next utterance begins at the quietest moment of the half second before, so that a word that has
just set in is heard whole. Nothing said for SILENCE seconds starts the recognizer afresh, too: its
state never is older than what it says.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float32

SILENCE = 5.0
"""Seconds without any word after which the recognizer begins again."""
LOUD = 0.01
"""-20 dB."""
PATIENCE = 3.0
REHEARD = 0.5
"""Seconds before the end of an utterance among which the next one's beginning is sought."""
WINDOW = 0.05
"""Seconds over which loudness is taken."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Endpointing:
  """When utterances end (see above); pause 0: never. Raises ValueError for negative times."""

  pause: float = 0.8
  """Seconds without a word-piece and without sound."""
  longest: float = 30.0
  """Seconds from which on shorter pauses are taken, too."""

  def __post_init__(self) -> None:
    if not (math.isfinite(self.pause) and self.pause >= 0):
      raise ValueError(f"pause is a number of seconds, 0 for never, got {self.pause}")
    if not (math.isfinite(self.longest) and self.longest > 0):
      raise ValueError(f"longest is a positive number of seconds, got {self.longest}")

  def needed(self, length: float) -> float:
    """Seconds of pause that end an utterance of so many seconds."""
    return self.pause * min(1.0, max(0.0, 2 - length / self.longest))

  def ends(self, length: float, unspoken: float, quiet: float) -> bool:
    """Whether an utterance of `length` seconds has ended.

    unspoken, quiet: seconds since its last word-piece and since it was loud; unspoken is `length`
    while nothing has been said.
    """
    if not self.pause:
      return False
    if unspoken >= length:
      return length >= SILENCE
    needed = self.needed(length)
    return min(unspoken, quiet) >= needed or unspoken >= PATIENCE * needed


def quietest(samples: Float32[np.ndarray, "n"], sample_rate: int) -> int:
  """The place amid the WINDOW of least energy, the last of equals; the end if all is shorter."""
  window = max(1, round(WINDOW * sample_rate))
  if len(samples) < window:
    return len(samples)
  sums = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
  energies = sums[window:] - sums[:-window]
  last = len(energies) - 1 - int(np.argmin(energies[::-1]))
  return last + window // 2
