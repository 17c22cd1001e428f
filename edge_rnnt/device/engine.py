"""A recognizer from a device file: for whole utterances, or for audio as it comes.

    recognizer = Recognizer.open("model.edge")
    stream = recognizer.stream()
    for samples in microphone: stream.accept(samples); show(stream.text)
    stream.finish()

The text does not depend on how the audio was cut: frames pass through the network one at a time.
Streams run in the native engine, or in the NumPy reference where that was not built.
"""

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from edge_rnnt.device import binding
from edge_rnnt.device.container import Container, ContainerError, read
from edge_rnnt.device.network import EncoderStream, Network
from edge_rnnt.device.reference import ReferenceStream, reference_network
from edge_rnnt.device.search import MAX_SYMBOLS, GreedySearch, Token
from edge_rnnt.export.layout import PER_OUTPUT
from edge_rnnt.text.wordpiece import WordPieces

WORD_BEGINS = "▁"

Engine = Literal["native", "reference"]


class Word(NamedTuple):
  """A word and the encoded frames in which it was recognized, from the first's begin to the last's
  end, in seconds from the beginning of the audio.
  """

  text: str
  start: float
  end: float


@runtime_checkable
class Utterance(Protocol):
  """What an engine makes of one utterance."""

  @property
  def tokens(self) -> list[Token]: ...

  @property
  def frames(self) -> int: ...

  def accept(self, samples: np.ndarray) -> None: ...

  def finish(self) -> None: ...


class Recognizer:
  """A model in memory, shared by its streams.

  engine: "native" or "reference"; None takes the native one, or else the reference with a warning.

  Raises ContainerError if the file's parts don't fit each other, and RuntimeError if the native
  engine is asked for and was not built.
  """

  def __init__(
    self, container: Container, max_symbols: int = MAX_SYMBOLS, engine: Engine | None = None
  ) -> None:
    try:
      self.wordpieces = WordPieces(container.wordpieces)
    except ValueError as error:
      raise ContainerError(f"{container.path}: the word-pieces are broken: {error}") from error
    if self.wordpieces.vocab_size != container.architecture.vocab_size:
      raise ContainerError(
        f"{container.path}: the word-pieces make a vocabulary of {self.wordpieces.vocab_size},"
        f" the model has one of {container.architecture.vocab_size}"
      )
    if max_symbols < 1:
      raise ValueError(f"at least one symbol per frame must be allowed, got {max_symbols}")
    self.container = container
    self.front_end = container.front_end
    self.max_symbols = max_symbols
    # The native engine has no kernels for weights per tensor or group yet, and says so if asked.
    usual = container.weights == PER_OUTPUT
    self.engine: Engine = engine or (default_engine() if usual else "reference")
    if self.engine == "native":
      self._native = binding.NativeModel(container.path, max_symbols)
    else:
      _ = self.network  # what cannot be computed with is refused now

  @classmethod
  def open(
    cls, path: str | Path, max_symbols: int = MAX_SYMBOLS, engine: Engine | None = None
  ) -> "Recognizer":
    """Raises ContainerError, naming the file and the reason, for a file that cannot be used."""
    return cls(read(path), max_symbols, engine)

  @functools.cached_property
  def network(self) -> Network:
    """The model in NumPy."""
    try:
      return reference_network(self.container)
    except ValueError as error:
      raise ContainerError(f"{self.container.path}: cannot be computed with: {error}") from error

  @property
  def sample_rate(self) -> int:
    return self.front_end.sample_rate

  @property
  def frame_seconds(self) -> float:
    """Seconds of audio in one encoded frame."""
    return self.front_end.frame_seconds * self.container.architecture.time_reduction

  def stream(self) -> "Stream":
    """A fresh stream for one utterance."""
    return Stream(self)

  def utterance(self) -> Utterance:
    """A fresh utterance in this recognizer's engine."""
    if self.engine == "native":
      return self._native.stream()
    return ReferenceStream(self.front_end, self.network.encoder, self.search(1))

  def search(self, batch: int) -> GreedySearch:
    """A search over `batch` streams from their beginning."""
    return GreedySearch(self.network, self.wordpieces.blank_id, batch, self.max_symbols)

  def recognize(self, utterances: Sequence[np.ndarray], batch: int = 64) -> list[str]:
    """Texts of whole utterances (samples [N] at `sample_rate`).

    The native engine takes one after the other, NumPy `batch` of them in lock step.
    """
    if self.engine == "native":
      return [self._whole(samples) for samples in utterances]
    features = [self.front_end.features(samples) for samples in utterances]
    # Utterances of like length side by side waste the fewest steps.
    order = sorted(range(len(features)), key=lambda index: len(features[index]))
    texts = [""] * len(features)
    for begin in range(0, len(order), batch):
      rows = order[begin : begin + batch]
      for index, tokens in zip(rows, self._lock_step([features[i] for i in rows]), strict=True):
        texts[index] = self.wordpieces.decode([token.id for token in tokens])
    return texts

  def _whole(self, samples: np.ndarray) -> str:
    stream = self.stream()
    stream.accept(samples)
    stream.finish()
    return stream.text

  def _lock_step(self, features: list[np.ndarray]) -> list[list[Token]]:
    """Shorter utterances are padded with zero frames, as their last group would be anyway."""
    reduction = self.container.architecture.time_reduction
    lengths = np.array([len(rows) for rows in features])
    padded = np.zeros((len(features), lengths.max(), self.front_end.feature_dim), np.float32)
    for row, frames in zip(padded, features, strict=True):
      row[: len(frames)] = frames
    encoder, search = EncoderStream(self.network.encoder, len(features)), self.search(len(features))
    rows = [encoder.accept(padded[:, time]) for time in range(lengths.max())] + [encoder.finish()]
    for group, row in enumerate(row for row in rows if row is not None):
      search.accept(row, group * reduction < lengths)
    return search.tokens


class Stream:
  """One utterance while it is spoken; `text` and `words` may be read at any time."""

  def __init__(self, recognizer: Recognizer) -> None:
    self._recognizer = recognizer
    self._utterance = recognizer.utterance()
    self._finished = False

  def accept(self, samples: np.ndarray) -> None:
    """More audio, float [n] in [-1, 1]; raises ValueError after `finish`."""
    if self._finished:
      raise ValueError("the stream is finished: begin the next utterance with recognizer.stream()")
    self._utterance.accept(samples)

  def finish(self) -> None:
    """The audio has ended: what the front end and the encoder still held back is recognized."""
    if self._finished:
      return
    self._finished = True
    self._utterance.finish()

  @property
  def tokens(self) -> list[Token]:
    return self._utterance.tokens

  @property
  def frames(self) -> int:
    """Encoded frames searched so far."""
    return self._utterance.frames

  @property
  def text(self) -> str:
    return self._recognizer.wordpieces.decode([token.id for token in self.tokens])

  @property
  def words(self) -> list[Word]:
    """The words of `text`: each from the frame of its first piece through that of its last."""
    wordpieces, seconds = self._recognizer.wordpieces, self._recognizer.frame_seconds
    unknown, groups = wordpieces.unknown_id, []
    for token in self.tokens:
      begins = token.id == unknown or wordpieces.pieces[token.id].startswith(WORD_BEGINS)
      if begins or not groups:
        groups.append([])
      groups[-1].append(token)
    spelled = [(wordpieces.decode([t.id for t in group]), group) for group in groups]
    return [
      Word(text, round(group[0].frame * seconds, 3), round((group[-1].frame + 1) * seconds, 3))
      for text, group in spelled
      if text
    ]


@functools.cache
def default_engine() -> Engine:
  """What streams run in unless said otherwise; warns, once a process, if it is the reference."""
  if binding.available():
    return "native"
  warnings.warn(
    "the native engine is not built, so streams run in the NumPy reference: the same text, many"
    " times slower. Install a C++ compiler and edge_rnnt again; or ask for engine='reference'.",
    RuntimeWarning,
    stacklevel=2,
  )
  return "reference"
