"""A runtime in a process of its own, which hears utterances when it is told to.

Every runtime and model has a process, so that its memory is its own. All processes of a model live
at the same time and take turns, so that whatever else the machine does meets all of them.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from edge_rnnt.device.bench import ONE_THREAD
from edge_rnnt.device.search import Token

ENVIRONMENT = ONE_THREAD | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
"""BLAS and XLA read their limits when they are loaded."""

MAX_SYMBOLS = 10
"""Tokens that a frame may have: as many as sherpa-onnx allows, and cannot be told not to."""

PIECE_SECONDS = 0.1
SHARED = "experiments.benchmarks.recognizer_runtimes"
BETWEEN_BYTES = 96 << 20


@runtime_checkable
class Stream(Protocol):
  """One utterance while it is spoken."""

  @property
  def tokens(self) -> list[Token]: ...

  def accept(self, samples: np.ndarray) -> None: ...

  def finish(self) -> None: ...


Open = Callable[[Path], Callable[[], Stream]]
"""A model's file -> what makes streams."""


class Heard(NamedTuple):
  """An utterance, piece by piece; the last entry is `finish`."""

  tokens: list[tuple[int, int]]
  """Word-piece and encoded frame."""
  seconds: list[float]
  """CPU time from the piece's arrival until what it made known had been read."""
  known: list[int]
  """Tokens known then."""
  audio_seconds: float


def apart(function: Callable, *arguments: Any) -> Any:
  """What a function gives, computed in a process of its own, whose memory goes with it."""
  with _process() as pool:
    return pool.submit(function, *arguments).result()


class Worker:
  """A model opened in a new process; raises what opening it raises."""

  def __init__(self, open_model: Open, path: Path, utterances: list[np.ndarray], rate: int) -> None:
    self._pool = _process()
    try:
      self._pool.submit(_open, open_model, path, utterances, rate).result()
    except BaseException:
      self.close()
      raise

  def hear(self, count: int, cold: bool = False) -> list[Heard]:
    """The first utterances; cold: other memory is read before every piece, so caches forget."""
    return self._pool.submit(_hear, count, cold).result()

  def resident_mb(self) -> float:
    """Peak of the process's memory so far, less what it had before the runtime was loaded."""
    return self._pool.submit(_resident).result()

  def close(self) -> None:
    self._pool.shutdown()


def _process() -> ProcessPoolExecutor:
  """A process that knows what all need, NumPy and our front end, and nothing else."""
  context = multiprocessing.get_context("forkserver")
  context.set_forkserver_preload([SHARED])
  return ProcessPoolExecutor(1, context)


class _Process:
  """What the process holds."""

  streams: Callable[[], Stream]
  pieces: list[list[np.ndarray]]
  rate: int
  resident_before: int
  between: np.ndarray | None = None


def _open(open_model: Open, path: Path, utterances: list[np.ndarray], rate: int) -> None:
  _Process.resident_before = _status("VmRSS")
  _Process.streams, _Process.rate = open_model(path), rate
  size = round(PIECE_SECONDS * rate)
  _Process.pieces = [
    [samples[begin : begin + size] for begin in range(0, len(samples), size)]
    for samples in utterances
  ]


def _hear(count: int, cold: bool) -> list[Heard]:
  if cold and _Process.between is None:
    _Process.between = np.ones(BETWEEN_BYTES, np.uint8)
  between = _Process.between if cold else None
  return [_utterance(pieces, between) for pieces in _Process.pieces[:count]]


def _utterance(pieces: list[np.ndarray], between: np.ndarray | None) -> Heard:
  stream = _Process.streams()
  seconds, known = [], []
  for do in [*((lambda piece=piece: stream.accept(piece)) for piece in pieces), stream.finish]:
    if between is not None:
      between.max()
    begin = time.process_time()  # of all threads: neighbours don't count, nor do threads help
    do()
    count = len(stream.tokens)
    seconds.append(time.process_time() - begin)
    known.append(count)
  tokens = [(token.id, token.frame) for token in stream.tokens]
  return Heard(tokens, seconds, known, sum(map(len, pieces)) / _Process.rate)


def _resident() -> float:
  return (_status("VmHWM") - _Process.resident_before) / 1024


def _status(name: str) -> int:
  """KiB; not ru_maxrss, which remembers the parent's."""
  lines = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii").splitlines()
  return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
