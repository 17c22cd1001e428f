"""Everything that can run a device file's model, each as samples -> tokens, and as a trace."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from edge_rnnt.decode import greedy, stream
from edge_rnnt.device.binding import NativeModel
from edge_rnnt.device.container import Container, ContainerError
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.export import litert, sherpa
from edge_rnnt.export.__main__ import frozen
from edge_rnnt.export.litert_runner import LiteRTRecognizer
from edge_rnnt.export.refusal import NotExportable
from edge_rnnt.export.sherpa_runner import SherpaRecognizer
from edge_rnnt.export.verify import kept, traces

NOT_HERE = (NotExportable, ContainerError, RuntimeError)
"""Why a runtime may take no part; RuntimeError: it is not installed, or was not built."""

ROUNDING, FLIPS, NOTHING = 1e-3, 0.2, 0.0
"""Shares of a tensor's size: float32 in another order; a value in 8 bits that went the other way;
integers, which are equal or wrong."""

NAMES = ("reference-chunked", "jax", "jax-chunked", "native", "litert", "sherpa-onnx")
"""All but the reference itself, in the order of a table."""

WHOLE_SECONDS = 10.0
"""What JAX is given at a time where a whole utterance is asked for."""

Tokens = list[int]


class Runtime(NamedTuple):
  """One way to run a model."""

  name: str
  hear: Callable[[np.ndarray, int], Tokens]
  """Samples, which come so many at a time (0: all at once), where the runtime streams."""
  streams: bool
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


def others(file: Container, max_symbols: int) -> Iterator[Runtime | Absent]:
  """All but the reference that hears whole utterances; JAX's take part for a float file only."""
  builders = {
    "reference-chunked": _chunked, "native": _native, "litert": _litert, "sherpa-onnx": _sherpa
  }  # fmt: skip
  if file.scheme == "float":
    builders |= {"jax": _offline, "jax-chunked": _in_chunks}
  for name in filter(builders.__contains__, NAMES):
    try:
      yield builders[name](name, file, max_symbols)
    except NOT_HERE as error:
      yield Absent(name, str(error))


def streamed(recognizer: Recognizer | LiteRTRecognizer, samples: np.ndarray, chunk: int) -> Tokens:
  """Tokens of samples that come `chunk` at a time; 0: all at once."""
  heard, size = recognizer.stream(), chunk or max(len(samples), 1)
  for begin in range(0, len(samples), size):
    heard.accept(samples[begin : begin + size])
  heard.finish()
  return [token.id for token in heard.tokens]


def _chunked(name: str, file: Container, max_symbols: int) -> Runtime:
  hear = functools.partial(streamed, reference(file, max_symbols))
  return Runtime(name, hear, True, None, NOTHING, True)


def _offline(name: str, file: Container, max_symbols: int) -> Runtime:
  model, params = kept.model(file)

  def hear(samples: np.ndarray, chunk: int) -> Tokens:
    del chunk
    rows = file.front_end.features(samples)
    padded = np.pad(rows, ((0, -len(rows) % traces.FILL), (0, 0)))[None]
    lengths = np.array([len(rows)], np.int32)
    found = greedy.greedy(model, params, padded, lengths, max_symbols=max_symbols)
    return np.asarray(found.tokens[0, : int(found.counts[0])]).tolist()

  def trace(samples: np.ndarray, shown: traces.Utterance) -> traces.Trace:
    return traces.in_jax(params, model.config, shown)

  return Runtime(name, hear, False, trace, ROUNDING, True)


def _in_chunks(name: str, file: Container, max_symbols: int) -> Runtime:
  model, params = kept.model(file)
  group, second = file.architecture.time_reduction, file.front_end.sample_rate

  def hear(samples: np.ndarray, chunk: int) -> Tokens:
    rows = (chunk or WHOLE_SECONDS * second) / second / file.front_end.frame_seconds
    size = max(1, round(rows / group)) * group
    heard = stream.Stream(model, params, chunk=size, max_symbols=max_symbols)
    tokens = heard.accept(file.front_end.features(samples)) + heard.finish()
    return [token.token for token in tokens]

  return Runtime(name, hear, True, None, ROUNDING, True)


def _native(name: str, file: Container, max_symbols: int) -> Runtime:
  recognizer = Recognizer(file, max_symbols, engine="native")
  integer = file.scheme == "integer"

  def trace(samples: np.ndarray, shown: traces.Utterance) -> traces.Trace:
    model = NativeModel(file.path, max_symbols)
    return traces.native(model, file.architecture, samples, shown, integer)

  hear = functools.partial(streamed, recognizer)
  return Runtime(name, hear, True, trace, _tolerance(file), True)


def _litert(name: str, file: Container, max_symbols: int) -> Runtime:
  content = litert.convert(frozen(file), file.front_end, file.wordpieces, card=file.card)
  recognizer = LiteRTRecognizer(content, max_symbols)

  def trace(samples: np.ndarray, shown: traces.Utterance) -> traces.Trace:
    return traces.litert(recognizer, shown)

  hear = functools.partial(streamed, recognizer)
  # LiteRT quantizes activations on the fly in its own way, with a zero point.
  return Runtime(name, hear, True, trace, _tolerance(file), file.scheme != "hybrid")


def _sherpa(name: str, file: Container, max_symbols: int) -> Runtime:
  with tempfile.TemporaryDirectory() as folder:
    sherpa.write(folder, frozen(file), file.front_end, file.wordpieces, card=file.card)
    recognizer = SherpaRecognizer(folder)  # it has read the files when it is there

  def hear(samples: np.ndarray, chunk: int) -> Tokens:
    return recognizer.recognize(samples, chunk=chunk or max(len(samples), 1))

  return Runtime(name, hear, True, None, _tolerance(file), True)


def _tolerance(file: Container) -> float:
  return {"float": ROUNDING, "hybrid": FLIPS, "integer": NOTHING}[file.scheme]
