"""Audio as it comes -> utterances with times, each as soon as it is over.

Every utterance has a stream of its own, so that long audio needs no more memory than short, and no
state drifts. The audio is fed to it in steps of one encoded frame, whatever pieces it came in: what
is recognized does not depend on them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from edge_rnnt.device.engine import Recognizer, Word
from edge_rnnt.device.transcribe.endpoint import LOUD, REHEARD, Endpointing, quietest

MOST_PIECES = 10_000
"""Word-pieces, an hour of speech, at which an utterance ends whatever was asked for: memory."""


class Utterance(NamedTuple):
  """What was said between two pauses; times in seconds from the beginning of the audio."""

  text: str
  words: list[Word]

  @property
  def start(self) -> float:
    """When its first word begins."""
    return self.words[0].start

  @property
  def end(self) -> float:
    """When its last word ends."""
    return self.words[-1].end


class Listener:
  """One source of audio from its beginning to its end."""

  def __init__(self, recognizer: Recognizer, endpointing: Endpointing) -> None:
    self._recognizer, self._endpointing = recognizer, endpointing
    self._rate = recognizer.sample_rate
    self._step = max(1, round(recognizer.frame_seconds * self._rate))
    self._waiting = np.zeros(0, np.float32)
    self.heard = 0
    """Samples accepted so far."""
    self._begin(at=0)

  def accept(self, samples: Float32[np.ndarray, "n"]) -> list[Utterance]:
    """More audio, in [-1, 1] -> the utterances that end in it."""
    ended = []
    self.heard += len(samples)
    self._waiting = np.concatenate([self._waiting, samples])
    while len(self._waiting) >= self._step:
      step, self._waiting = self._waiting[: self._step], self._waiting[self._step :]
      self._hear(step)
      if self._ended():
        ended += self._utterance()
        self._restart()
    return ended

  def finish(self) -> list[Utterance]:
    """The audio has ended -> the utterance that it broke off, if one had begun."""
    self._hear(self._waiting)
    self._waiting = self._waiting[:0]
    self._stream.finish()
    return self._utterance()

  @property
  def partial(self) -> str:
    """The utterance that has begun, as far as it is recognized."""
    return self._stream.text

  @property
  def partial_start(self) -> float:
    """When the first word of `partial` begins, in seconds."""
    words = self._stream.words
    return self._since(words[0].start if words else 0.0)

  def _begin(self, at: int) -> None:
    self._first, self._fed = at, 0
    self._stream = self._recognizer.stream()
    self._recent = np.zeros(0, np.float32)
    self._loudest, self._loud_at = 0.0, 0

  def _hear(self, samples: Float32[np.ndarray, "n"]) -> None:
    self._stream.accept(samples)
    self._fed += len(samples)
    energy = float(np.square(samples).mean()) if len(samples) else 0.0
    self._loudest = max(self._loudest, energy)
    if energy > LOUD * self._loudest:
      self._loud_at = self._fed
    kept = round(REHEARD * self._rate)
    self._recent = np.concatenate([self._recent, samples])[-kept:]

  def _ended(self) -> bool:
    length, quiet = self._fed / self._rate, (self._fed - self._loud_at) / self._rate
    return (
      self._endpointing.ends(length, self._unspoken / self._rate, quiet)
      or len(self._stream.tokens) >= MOST_PIECES
    )

  @property
  def _unspoken(self) -> int:
    """Samples since the end of the stream's last word-piece, or since its beginning."""
    tokens = self._stream.tokens
    spoken = (tokens[-1].frame + 1) * self._recognizer.frame_seconds if tokens else 0.0
    return max(0, self._fed - round(spoken * self._rate))

  def _restart(self) -> None:
    """The quietest of what was heard since the last word-piece, and within REHEARD, is the cut."""
    window = self._recent[max(0, len(self._recent) - self._unspoken) :]
    again = window[quietest(window, self._rate) :]
    self._waiting = np.concatenate([again, self._waiting])
    self._begin(at=self._first + self._fed - len(again))

  def _utterance(self) -> list[Utterance]:
    """The stream's, if it has heard a word."""
    words = [
      Word(word.text, self._since(word.start), self._since(word.end)) for word in self._stream.words
    ]
    return [Utterance(self._stream.text, words)] if words else []

  def _since(self, seconds: float) -> float:
    return round(self._first / self._rate + seconds, 3)
