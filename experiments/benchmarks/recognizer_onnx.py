"""The graphs that sherpa-onnx runs in ONNX Runtime itself, with our front end and greedy search."""

from pathlib import Path
from typing import Any

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.search import Token
from experiments.benchmarks.recognizer_worker import MAX_SYMBOLS

PARTS = ("encoder", "decoder", "joiner")
KINDS = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxModel:
  """encoder.onnx, decoder.onnx and joiner.onnx of a folder in memory, on one thread."""

  def __init__(self, folder: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    self.encoder, self.decoder, self.joiner = (
      onnxruntime.InferenceSession(folder / f"{part}.onnx", options, ["CPUExecutionProvider"])
      for part in PARTS
    )
    about = self.encoder.get_modelmeta().custom_metadata_map
    self.window, self.blank = int(about["window_size"]), int(about["vocab_size"])

  def stream(self, front_end: FrontEnd) -> "OnnxStream":
    return OnnxStream(self, front_end)


class OnnxStream:
  """One utterance; `front_end` is one of frames that are neither normalized nor stacked."""

  def __init__(self, model: OnnxModel, front_end: FrontEnd) -> None:
    self._model, self._front_end = model, front_end.stream()
    self._waiting = np.zeros((0, front_end.num_mels), np.float32)
    self._caches = _zeros(model.encoder)[2:]
    self._states = _zeros(model.decoder)[2:]
    self._frame = 0
    self.tokens: list[Token] = []
    self._predict(model.blank)

  def accept(self, samples: np.ndarray) -> None:
    self._consume(self._front_end.accept(samples))

  def finish(self) -> None:
    """Frames that fill no window are dropped, as in sherpa-onnx."""
    self._consume(self._front_end.finish())

  def _consume(self, frames: np.ndarray) -> None:
    self._waiting = np.concatenate([self._waiting, frames])
    while len(self._waiting) >= self._model.window:
      window, self._waiting = np.split(self._waiting, [self._model.window])
      inputs = [window.T[None], np.array([len(window)]), *self._caches]
      encoded, _, *self._caches = _run(self._model.encoder, inputs)
      for time in range(encoded.shape[2]):
        self._search(encoded[:, :, time : time + 1])

  def _search(self, encoded: np.ndarray) -> None:
    for _ in range(MAX_SYMBOLS):
      (scores,) = _run(self._model.joiner, [encoded, self._predicted])
      best = int(scores.argmax())
      if best == self._model.blank:
        break
      self.tokens.append(Token(best, self._frame))
      self._predict(best)
    self._frame += 1

  def _predict(self, label: int) -> None:
    inputs = [np.array([[label]], np.int32), np.array([1], np.int32), *self._states]
    self._predicted, _, *self._states = _run(self._model.decoder, inputs)


def _run(session: Any, values: list[np.ndarray]) -> list[np.ndarray]:
  names = (each.name for each in session.get_inputs())
  return session.run(None, dict(zip(names, values, strict=True)))


def _zeros(session: Any) -> list[np.ndarray]:
  """Zeros for every input, one stream."""
  return [
    np.zeros([size if isinstance(size, int) else 1 for size in each.shape], KINDS[each.type])
    for each in session.get_inputs()
  ]
