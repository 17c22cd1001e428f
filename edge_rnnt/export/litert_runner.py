"""Runs an exported .tflite file: audio as it comes -> tokens, by greedy search.

    recognizer = LiteRTRecognizer.open("model.tflite")
    stream = recognizer.stream()
    for samples in microphone: stream.accept(samples)
    stream.finish(); print(stream.text)

Through LiteRT's Interpreter; of models that keep their own states there is one stream at a time,
and a new one resets them. The frames of a stream, the filling of its last group and the search are
those of device/engine.py.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.litert import DESCRIPTION, WORDPIECES
from edge_rnnt.export.litert_check import LiteRTMissing, schema
from edge_rnnt.text.wordpiece import WordPieces

MAX_SYMBOLS = 4
"""Tokens that one frame may emit, as on the device."""


class Token(NamedTuple):
  """A word-piece and the encoded frame (from 0) at which it was emitted."""

  id: int
  frame: int


class LiteRTRecognizer:
  """An exported model in memory."""

  def __init__(self, content: bytes | Path, max_symbols: int = MAX_SYMBOLS) -> None:
    """A path is mapped, not read. Raises ValueError for a file that was not exported here,
    LiteRTMissing without LiteRT.
    """
    try:
      from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
      raise LiteRTMissing("running .tflite files needs ai-edge-litert") from error
    mapped = isinstance(content, Path)
    found = _metadata(np.memmap(content, np.uint8, "r") if mapped else content)
    if set(found) < {DESCRIPTION, WORDPIECES}:
      raise ValueError("a .tflite file, but not one that python -m edge_rnnt.export wrote")
    description = json.loads(found[DESCRIPTION])
    self.architecture = Architecture.from_json(description["model"])
    self.front_end = FrontEnd.from_json(description["front_end"])
    self.wordpieces = WordPieces(found[WORDPIECES])
    self.max_symbols = max_symbols
    model = {"model_path": str(content)} if mapped else {"model_content": content}
    self._interpreter = Interpreter(**model, num_threads=1)
    self.signatures = {
      name: self._interpreter.get_signature_runner(name) for name in ("encode", "predict", "joint")
    }
    # LiteRT allocates a signature at its first call, and resets states only when all are there.
    for signature in self.signatures.values():
      inputs = signature.get_input_details()
      signature(**{name: np.zeros(each["shape"], each["dtype"]) for name, each in inputs.items()})

  @classmethod
  def open(cls, path: str | os.PathLike, max_symbols: int = MAX_SYMBOLS) -> "LiteRTRecognizer":
    """Raises ValueError, naming the file, for one that was not exported here."""
    try:
      return cls(Path(path), max_symbols)
    except ValueError as error:
      raise ValueError(f"{path}: {error}") from error

  def stream(self) -> "Stream":
    """A fresh stream; where the model keeps its states, the one before ends."""
    self.reset()
    return Stream(self)

  def reset(self) -> None:
    """The model forgets what it heard, if it is one that keeps its states."""
    self._interpreter.reset_all_variables()


class Network:
  """A signature with its state, whoever keeps it."""

  def __init__(self, signature: Any) -> None:
    self._signature, self._state = signature, None
    details = signature.get_input_details()
    if "state" in details:
      self._state = np.zeros(details["state"]["shape"], np.float32)

  def __call__(self, **arguments: np.ndarray) -> np.ndarray:
    """The output that is not a state."""
    if self._state is not None:
      arguments["state"] = self._state
    outputs = self._signature(**arguments)
    self._state = outputs.pop("state_after", None)
    (output,) = outputs.values()
    return output


class Stream:
  """One utterance while it is spoken."""

  def __init__(self, recognizer: LiteRTRecognizer) -> None:
    self._recognizer = recognizer
    self._front_end = recognizer.front_end.stream()
    self._encode, self._predict, self._joint = map(Network, recognizer.signatures.values())
    self._waiting: list[np.ndarray] = []
    self._frame = 0
    self.tokens: list[Token] = []
    self._predicted = self._after(recognizer.architecture.blank)

  def accept(self, samples: np.ndarray) -> None:
    """More audio, float [n] in [-1, 1]."""
    self._consume(self._front_end.accept(samples))

  def finish(self) -> None:
    """The audio has ended: the last group of frames is filled up with zeros."""
    self._consume(self._front_end.finish())
    missing = -len(self._waiting) % self._recognizer.architecture.time_reduction
    self._consume(np.zeros((missing, self._recognizer.front_end.feature_dim), np.float32))

  @property
  def text(self) -> str:
    return self._recognizer.wordpieces.decode([token.id for token in self.tokens])

  def _consume(self, rows: np.ndarray) -> None:
    for row in rows:
      self._waiting.append(row)
      if len(self._waiting) == self._recognizer.architecture.time_reduction:
        encoded = self._encode(frames=np.stack(self._waiting)[:, None])
        self._waiting = []
        self._search(encoded)

  def _search(self, encoded: np.ndarray) -> None:
    for _ in range(self._recognizer.max_symbols):
      best = int(self._joint(encoded=encoded, predicted=self._predicted).argmax())
      if best == self._recognizer.architecture.blank:
        break
      self.tokens.append(Token(best, self._frame))
      self._predicted = self._after(best)
    self._frame += 1

  def _after(self, label: int) -> np.ndarray:
    return self._predict(token=np.array([[label]], np.int32))


def _metadata(content: bytes | np.ndarray) -> dict[str, bytes]:
  model = schema().Model.GetRootAs(content, 0)
  found = {}
  for number in range(model.MetadataLength()):
    entry = model.Metadata(number)
    found[entry.Name().decode()] = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
  return found
