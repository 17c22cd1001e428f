"""The runtimes that whole recognizers are measured in: how each gets its file, and how it opens it.

  edge_rnnt     our native engine, from the device file, through its C interface
  LiteRT        the fused operator; hybrid is made from the float file, with its scales per gate
  LiteRT plain  a hybrid device file in plain operators, with its scales per output
  ONNX Runtime  sherpa-onnx's graphs, our front end and search in Python
  sherpa-onnx   its own client: front end, windows of two encoded frames, search
  JAX           the streaming step that training evaluates with (decode/stream.py)

None but ours has kernels for sparse 8x1 blocks: zeros are stored there like any other weight.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_rnnt.device.binding import NativeModel
from edge_rnnt.device.container import Container, read
from edge_rnnt.device.search import Token
from edge_rnnt.export import litert, sherpa
from edge_rnnt.export.__main__ import frozen
from edge_rnnt.export.litert_runner import LiteRTRecognizer
from edge_rnnt.export.sherpa_runner import SherpaRecognizer, SherpaStream
from experiments.benchmarks.recognizer_onnx import OnnxModel
from experiments.benchmarks.recognizer_worker import MAX_SYMBOLS, Open, Stream

DEVICE_FILE = "model.edge"


class Runtime(NamedTuple):
  """A way to run one scheme."""

  name: str
  scheme: str
  source: str
  """The scheme of the device file that it is made from."""
  export: Callable[[Container, Path], None]
  """Writes what it runs into a folder; raises NotExportable, or RuntimeError if not installed."""
  open: Open
  sparse: bool = False
  """Whether blocks of zeros are neither stored nor read."""
  once: bool = False
  """So slow that one utterance, once, has to do."""


def in_native(folder: Path) -> Callable[[], Stream]:
  return NativeModel(_device_file(folder), MAX_SYMBOLS).stream


def in_litert(folder: Path) -> Callable[[], Stream]:
  return LiteRTRecognizer.open(folder / "model.tflite", MAX_SYMBOLS).stream


def in_onnx(folder: Path) -> Callable[[], Stream]:
  """The graphs stack and normalize."""
  front_end = read(_device_file(folder)).front_end
  plain = dataclasses.replace(front_end, stack=1, stride=1, mean=None, std=None, clip=None)
  return functools.partial(OnnxModel(folder).stream, plain)


def in_sherpa(folder: Path) -> Callable[[], Stream]:
  """As much silence follows as the front end's tail, and a frame: the last window must be full."""
  file = read(_device_file(folder))
  recognizer = SherpaRecognizer(folder)
  silence = file.front_end.tail_seconds + 0.01
  frame_seconds = file.front_end.frame_seconds * file.architecture.time_reduction
  return lambda: _SherpaStream(recognizer.stream(silence), frame_seconds)


def in_jax(folder: Path) -> Callable[[], Stream]:
  from experiments.benchmarks.recognizer_jax import JaxModel

  return JaxModel(_device_file(folder)).stream


def _keep(file: Container, folder: Path) -> None:
  (folder / DEVICE_FILE).symlink_to(file.path.resolve())


def _to_litert(file: Container, folder: Path, *, hybrid: bool = False) -> None:
  content = litert.convert(frozen(file), file.front_end, file.wordpieces, hybrid=hybrid)
  (folder / "model.tflite").write_bytes(content)


def _to_onnx(file: Container, folder: Path) -> None:
  sherpa.write(folder, frozen(file), file.front_end, file.wordpieces)
  _keep(file, folder)  # says what the front end is


BASE = Runtime("LiteRT", "float", "float", _to_litert, in_litert)
"""What all are ratios of."""

RUNTIMES = (
  *(
    Runtime("edge_rnnt", scheme, scheme, _keep, in_native, sparse=True)
    for scheme in ("float", "hybrid", "integer")
  ),
  BASE,
  Runtime("LiteRT", "hybrid", "float", functools.partial(_to_litert, hybrid=True), in_litert),
  Runtime("LiteRT plain", "hybrid", "hybrid", _to_litert, in_litert),
  Runtime("LiteRT", "integer", "integer", _to_litert, in_litert),
  Runtime("ONNX Runtime", "float", "float", _to_onnx, in_onnx),
  Runtime("ONNX Runtime", "hybrid", "hybrid", _to_onnx, in_onnx),
  Runtime("sherpa-onnx", "float", "float", _to_onnx, in_sherpa),
  Runtime("sherpa-onnx", "hybrid", "hybrid", _to_onnx, in_sherpa),
  Runtime("JAX", "float", "float", _keep, in_jax, once=True),
)


def file_bytes(folder: Path) -> int:
  """Of all that the runtime reads; the device file beside sherpa-onnx's four is none of it."""
  found = [path for path in folder.iterdir() if not path.is_symlink()]
  return sum(path.stat().st_size for path in found or folder.iterdir())


def _device_file(folder: Path) -> Path:
  return folder / DEVICE_FILE


class _SherpaStream:
  """Its tokens with their frames."""

  def __init__(self, stream: SherpaStream, frame_seconds: float) -> None:
    self._stream, self._frame_seconds = stream, frame_seconds
    self.accept, self.finish = stream.accept, stream.finish

  @property
  def tokens(self) -> list[Token]:
    frames = np.round(np.array(self._stream.seconds) / self._frame_seconds).astype(int)
    return [Token(*pair) for pair in zip(self._stream.tokens, frames.tolist(), strict=True)]
