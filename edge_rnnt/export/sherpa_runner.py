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

  def recognize(self, samples: np.ndarray, chunk: int = 1600) -> list[int]:
    """Ids of the tokens in samples [N], fed `chunk` at a time; it never shows the unknown one."""
    theirs, stream = self._recognizer, self._recognizer.create_stream()
    heard = np.concatenate([samples, np.zeros(round(SILENCE_SECONDS * SAMPLE_RATE), np.float32)])
    for begin in range(0, len(heard), chunk):
      stream.accept_waveform(SAMPLE_RATE, heard[begin : begin + chunk])
      while theirs.is_ready(stream):
        theirs.decode_stream(stream)
    stream.input_finished()
    while theirs.is_ready(stream):
      theirs.decode_stream(stream)
    return [self._ids[piece] for piece in theirs.tokens(stream)]
