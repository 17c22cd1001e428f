"""Everything that can run a device file's model, each as samples -> tokens, and as a trace."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from edge_rnnt.decode import greedy, stream
from edge_rnnt.device.binding import NativeModel
from edge_rnnt.device.container import Container, ContainerError
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.export import layout, litert, sherpa
from edge_rnnt.export.__main__ import frozen
from edge_rnnt.export.litert_runner import LiteRTRecognizer
from edge_rnnt.export.refusal import NotExportable
from edge_rnnt.export.sherpa_runner import SherpaRecognizer
from edge_rnnt.export.verify import traces
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.trees import nest

NOT_HERE = (NotExportable, ContainerError, RuntimeError)
"""Why a runtime may take no part; RuntimeError: it is not installed, or was not built."""

ROUNDING, FLIPS, NOTHING = 1e-3, 0.2, 0.0
"""Shares of a tensor's size: float32 in another order; a value in 8 bits that went the other way;
integers, which are equal or wrong."""

PADDING = 64
"""Rows to a multiple of which JAX's utterances are filled up, so that few programs are compiled."""


class Runtime(NamedTuple):
  """One way to run a model."""

  name: str
  hear: Callable[[np.ndarray], list[int]]
  trace: Callable[[np.ndarray, traces.Utterance], traces.Trace] | None
  tolerance: float
  equal: bool
  """Whether the reference's tokens can be asked of it."""


class Absent(NamedTuple):
  """A runtime that could not be had, and why."""

  name: str
  reason: str


def reference(file: Container, max_symbols: int) -> Recognizer:
  return Recognizer(file, max_symbols, engine="reference")


def others(file: Container, chunk: int, max_symbols: int) -> Iterator[Runtime | Absent]:
  """All but the reference; those that stream hear `chunk` samples at a time (0: all at once)."""
  builders = {"native engine": _native, "LiteRT": _litert, "sherpa-onnx": _sherpa}
  if file.scheme == "float":
    builders = {"JAX, offline": _offline, "JAX, in chunks": _in_chunks} | builders
  for name, build in builders.items():
    try:
      yield build(name, file, chunk, max_symbols)
    except NOT_HERE as error:
      yield Absent(name, str(error))


def streamed(
  recognizer: Recognizer | LiteRTRecognizer, chunk: int, samples: np.ndarray
) -> list[int]:
  """Tokens of samples that come `chunk` at a time; 0: all at once."""
  heard, size = recognizer.stream(), chunk or max(len(samples), 1)
  for begin in range(0, len(samples), size):
    heard.accept(samples[begin : begin + size])
  heard.finish()
  return [token.id for token in heard.tokens]


def float_model(file: Container) -> tuple[RNNT, dict]:
  """The module and the parameters of a float file."""
  names = layout.expected(file.architecture, "float")
  params = nest({name: jnp.asarray(file.tensor(name)) for name in names})
  return RNNT(RNNTConfig.from_json(file.architecture.to_json())), params


def _offline(name: str, file: Container, chunk: int, max_symbols: int) -> Runtime:
  model, params = float_model(file)

  def hear(samples: np.ndarray) -> list[int]:
    rows = file.front_end.features(samples)
    padded = np.pad(rows, ((0, -len(rows) % PADDING), (0, 0)))[None]
    lengths = np.array([len(rows)], np.int32)
    found = greedy.greedy(model, params, padded, lengths, max_symbols=max_symbols)
    return np.asarray(found.tokens[0, : int(found.counts[0])]).tolist()

  def trace(samples: np.ndarray, shown: traces.Utterance) -> traces.Trace:
    return traces.in_jax(params, model.config, shown)

  return Runtime(name, hear, trace, ROUNDING, True)


def _in_chunks(name: str, file: Container, chunk: int, max_symbols: int) -> Runtime:
  model, params = float_model(file)
  group = file.architecture.time_reduction
  rows = chunk / file.front_end.sample_rate / file.front_end.frame_seconds
  size = max(1, round(rows / group)) * group

  def hear(samples: np.ndarray) -> list[int]:
    heard = stream.Stream(model, params, chunk=size, max_symbols=max_symbols)
    tokens = heard.accept(file.front_end.features(samples)) + heard.finish()
    return [token.token for token in tokens]

  return Runtime(f"JAX, {size} rows a chunk", hear, None, ROUNDING, True)


def _native(name: str, file: Container, chunk: int, max_symbols: int) -> Runtime:
  recognizer = Recognizer(file, max_symbols, engine="native")

  def trace(samples: np.ndarray, shown: traces.Utterance) -> traces.Trace:
    return traces.native(NativeModel(file.path, max_symbols), file.architecture, samples)

  hear = functools.partial(streamed, recognizer, chunk)
  return Runtime(name, hear, trace, _tolerance(file), True)


def _litert(name: str, file: Container, chunk: int, max_symbols: int) -> Runtime:
  content = litert.convert(frozen(file), file.front_end, file.wordpieces, card=file.card)
  recognizer = LiteRTRecognizer(content, max_symbols)

  def trace(samples: np.ndarray, shown: traces.Utterance) -> traces.Trace:
    return traces.litert(recognizer, shown)

  hear = functools.partial(streamed, recognizer, chunk)
  # LiteRT quantizes activations on the fly in its own way, with a zero point.
  return Runtime(name, hear, trace, _tolerance(file), file.scheme != "hybrid")


def _sherpa(name: str, file: Container, chunk: int, max_symbols: int) -> Runtime:
  with tempfile.TemporaryDirectory() as folder:
    sherpa.write(folder, frozen(file), file.front_end, file.wordpieces, card=file.card)
    recognizer = SherpaRecognizer(folder)  # it has read the files when it is there
  hear = functools.partial(recognizer.recognize, chunk=chunk or 1600)
  return Runtime(name, hear, None, _tolerance(file), True)


def _tolerance(file: Container) -> float:
  return {"float": ROUNDING, "hybrid": FLIPS, "integer": NOTHING}[file.scheme]
