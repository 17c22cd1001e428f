"""Runs exported files in sherpa-onnx itself, through its Python client: its front end, its loop."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from edge_rnnt.export.sherpa import FILES, SAMPLE_RATE

SILENCE_SECONDS = 0.66
"""After the audio, as sherpa-onnx's own examples have it: its last window counts only when full."""


class SherpaMissing(RuntimeError):
  """The package sherpa-onnx is not installed."""


class SherpaRecognizer:
  """The four files of a folder in memory; raises SherpaMissing, FileNotFoundError."""

  def __init__(self, folder: str | os.PathLike) -> None:
    try:
      import sherpa_onnx
    except ImportError as error:
      raise SherpaMissing("running the files needs the package sherpa-onnx") from error
    folder = Path(folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
      raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}")
    lines = (folder / "tokens.txt").read_text(encoding="utf-8").splitlines()
    # It hands pieces out with a space where a word begins.
    pairs = (line.rsplit(" ", 1) for line in lines)
    self._ids = {piece.replace("▁", " ", 1): int(number) for piece, number in pairs}
    self._recognizer: Any = sherpa_onnx.OnlineRecognizer.from_transducer(
      tokens=str(folder / "tokens.txt"),
      **{part: str(folder / f"{part}.onnx") for part in ("encoder", "decoder", "joiner")},
      sample_rate=SAMPLE_RATE,
      num_threads=1,
    )

  def stream(self, silence: float = SILENCE_SECONDS) -> "SherpaStream":
    """A fresh stream for one utterance, after which so many seconds of silence are heard."""
    tail = np.zeros(round(silence * SAMPLE_RATE), np.float32)
    return SherpaStream(self._recognizer, self._ids, tail)

  def recognize(self, samples: np.ndarray, chunk: int = 1600) -> list[int]:
    """Ids of the tokens in samples [N], fed `chunk` at a time."""
    stream = self.stream()
    for begin in range(0, len(samples), chunk):
      stream.accept(samples[begin : begin + chunk])
    stream.finish()
    return stream.tokens


class SherpaStream:
  """One utterance while it is spoken, as the clients of sherpa-onnx have it."""

  def __init__(self, recognizer: Any, ids: dict[str, int], tail: np.ndarray) -> None:
    self._recognizer, self._ids, self._tail = recognizer, ids, tail
    self._stream = recognizer.create_stream()

  def accept(self, samples: np.ndarray) -> None:
    """More audio, float [n] in [-1, 1]."""
    self._stream.accept_waveform(SAMPLE_RATE, samples)
    self._decode()

  def finish(self) -> None:
    """The audio has ended: silence follows, and what it completes is recognized."""
    self._stream.accept_waveform(SAMPLE_RATE, self._tail)
    self._stream.input_finished()
    self._decode()

  @property
  def tokens(self) -> list[int]:
    """Ids of what was recognized so far; the unknown piece is never shown."""
    return [self._ids[piece] for piece in self._recognizer.tokens(self._stream)]

  @property
  def seconds(self) -> list[float]:
    """When the encoded frame began that each token was emitted at."""
    return self._recognizer.timestamps(self._stream)

  def _decode(self) -> None:
    while self._recognizer.is_ready(self._stream):
      self._recognizer.decode_stream(self._stream)
