"""The native engine (native/edge_rnnt.h, edge_rnnt_inspect.h) through ctypes.

The library is built with the package where there is a C++ compiler; `available` says whether it is.
"""

import ctypes
import functools
import importlib.machinery
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from edge_rnnt.audio.frontend import check_samples
from edge_rnnt.device.container import ContainerError
from edge_rnnt.device.search import Token

LIBRARY = "_native"
MESSAGE_BYTES = 1024
TOKENS_AT_A_TIME = 256
JOINT_PARTS = ("encoded", "predicted", "scores")


class _Options(ctypes.Structure):
  _fields_ = (
    ("kernels", ctypes.c_char_p),
    ("max_symbols", ctypes.c_int32),
    ("max_tokens", ctypes.c_int32),
  )


class _Token(ctypes.Structure):
  _fields_ = (("id", ctypes.c_int32), ("frame", ctypes.c_int32))


class _Word(ctypes.Structure):
  _fields_ = (
    ("begin", ctypes.c_int32),
    ("length", ctypes.c_int32),
    ("start", ctypes.c_double),
    ("end", ctypes.c_double),
  )


class NativeWord(NamedTuple):
  """A word as C sees it; seconds of audio."""

  text: str
  start: float
  end: float


_MODEL = _STREAM = ctypes.c_void_p
_ERROR = (ctypes.c_char_p, ctypes.c_size_t)
_SIGNATURES = {
  "open": (_MODEL, ctypes.c_char_p, ctypes.POINTER(_Options), *_ERROR),
  "close": (None, _MODEL),
  "kernels": (ctypes.c_char_p, _MODEL),
  "stream_open": (_STREAM, _MODEL, *_ERROR),
  "stream_close": (None, _STREAM),
  "accept": (ctypes.c_int, _STREAM, ctypes.c_void_p, ctypes.c_size_t),
  "finish": (ctypes.c_int, _STREAM),
  "error": (ctypes.c_char_p, _STREAM),
  "frames": (ctypes.c_int32, _STREAM),
  "tokens": (ctypes.c_size_t, _STREAM, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t),
  "text": (ctypes.c_size_t, _STREAM, ctypes.c_char_p, ctypes.c_size_t),
  "words": (ctypes.c_size_t, _STREAM, ctypes.c_void_p, ctypes.c_size_t),
  "reset": (ctypes.c_int, _STREAM),
  "features": (
    *(ctypes.c_size_t, _MODEL),
    *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t),
    *(ctypes.c_void_p, ctypes.c_size_t),
  ),
  "accept_features": (ctypes.c_int, _STREAM, ctypes.c_void_p),
  "hear": (ctypes.c_int, _STREAM, ctypes.c_void_p),
  "say": (ctypes.c_int, _STREAM, ctypes.c_int32),
  "joint": (ctypes.c_size_t, _STREAM, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t),
  "layer": (
    *(ctypes.c_size_t, _STREAM, ctypes.c_int, ctypes.c_size_t),
    *(ctypes.c_void_p, ctypes.c_size_t),
  ),
}


@functools.cache
def library() -> ctypes.CDLL | None:
  """The native library, or None if it was not built."""
  for suffix in importlib.machinery.EXTENSION_SUFFIXES:
    path = Path(__file__).with_name(LIBRARY + suffix)
    if path.is_file():
      loaded = ctypes.CDLL(str(path))
      for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(loaded, f"edge_rnnt_{name}", None)
        if function is None:  # whatever calls it raises AttributeError with its name
          warnings.warn(
            f"{path} is of older sources, without {name}: install edge_rnnt again", stacklevel=1
          )
          continue
        function.restype, function.argtypes = result, arguments
      return loaded
  return None


def available() -> bool:
  return library() is not None


class NativeModel:
  """A model in memory, shared by its streams.

  Raises RuntimeError if the library was not built, and ContainerError, naming the file and the
  reason, for a file that cannot be used, and for `kernels` ("scalar", "avx2", ...; "" for the
  fastest) that this processor does not have.
  """

  def __init__(self, path: str | Path, max_symbols: int, kernels: str = "") -> None:
    loaded = library()
    if loaded is None:
      raise RuntimeError(
        "the native engine is not built: install a C++ compiler and edge_rnnt again, or take"
        " engine='reference'"
      )
    self._library = loaded
    options = _Options(kernels=kernels.encode(), max_symbols=max_symbols)
    error = ctypes.create_string_buffer(MESSAGE_BYTES)
    self._handle = self._library.edge_rnnt_open(
      os.fsencode(path), ctypes.byref(options), error, len(error)
    )
    if not self._handle:
      raise ContainerError(error.value.decode(errors="replace"))

  @property
  def kernels(self) -> str:
    """Which kernels are in use."""
    return self._library.edge_rnnt_kernels(self._handle).decode()

  def stream(self) -> "NativeStream":
    return NativeStream(self._library, self._handle)

  def features(self, samples: np.ndarray, width: int, chunk: int) -> Float32[np.ndarray, "T F"]:
    """The front end's rows, `width` wide, of an utterance fed `chunk` samples at a time."""
    samples = np.ascontiguousarray(check_samples(samples))

    def fill(rows: np.ndarray) -> int:
      return self._library.edge_rnnt_features(
        self._handle, samples.ctypes.data, len(samples), chunk, rows.ctypes.data, len(rows)
      )

    rows = np.zeros(fill(np.zeros(0, np.float32)), np.float32)
    fill(rows)
    return rows.reshape(-1, width)

  def __del__(self) -> None:
    if getattr(self, "_handle", None):
      self._library.edge_rnnt_close(self._handle)


class NativeStream:
  """One utterance; `tokens` grows as it is spoken. It may outlive its model."""

  def __init__(self, library: ctypes.CDLL, model: int) -> None:
    self._library = library
    error = ctypes.create_string_buffer(MESSAGE_BYTES)
    self._handle = library.edge_rnnt_stream_open(model, error, len(error))
    if not self._handle:
      raise MemoryError(error.value.decode(errors="replace"))
    self._fresh = (_Token * TOKENS_AT_A_TIME)()
    self.tokens: list[Token] = []

  def accept(self, samples: np.ndarray) -> None:
    """More audio, float [n] in [-1, 1]; raises ValueError for what is no waveform."""
    samples = np.ascontiguousarray(check_samples(samples))
    self._do(self._library.edge_rnnt_accept(self._handle, samples.ctypes.data, len(samples)))

  def finish(self) -> None:
    self._do(self._library.edge_rnnt_finish(self._handle))

  def accept_features(self, row: Float32[np.ndarray, "F"]) -> None:
    """The next row of features, in place of audio."""
    row = np.ascontiguousarray(row)
    self._do(self._library.edge_rnnt_accept_features(self._handle, row.ctypes.data))

  def hear(self, row: Float32[np.ndarray, "F"]) -> None:
    """The next row of features up to the joint network, without a search."""
    row = np.ascontiguousarray(row)
    self._do(self._library.edge_rnnt_hear(self._handle, row.ctypes.data))

  def say(self, label: int) -> None:
    """A word-piece to the prediction network, as though the search had found it."""
    self._do(self._library.edge_rnnt_say(self._handle, label))

  def joint(self, part: str) -> Float64[np.ndarray, "_"]:
    """Of the joint network: what it has "encoded" and "predicted" last, or the "scores" of both."""
    number = JOINT_PARTS.index(part)
    values = np.zeros(self._library.edge_rnnt_joint(self._handle, number, None, 0))
    self._library.edge_rnnt_joint(self._handle, number, values.ctypes.data, len(values))
    return values

  def reset(self) -> None:
    """The next utterance begins."""
    self.tokens = []
    self._do(self._library.edge_rnnt_reset(self._handle))

  def layer(self, part: int, index: int, width: int) -> Float64[np.ndarray, "P"]:
    """The last output of a layer of the encoder (part 0) or the prediction network (1)."""
    values = np.zeros(width)
    count = self._library.edge_rnnt_layer(self._handle, part, index, values.ctypes.data, width)
    if count != width:
      raise ValueError(f"layer {index} of part {part} has {count} outputs, not {width}")
    return values

  @property
  def text(self) -> str:
    """As the native engine spells it."""
    room = self._library.edge_rnnt_text(self._handle, None, 0) + 1
    text = ctypes.create_string_buffer(room)
    self._library.edge_rnnt_text(self._handle, text, room)
    return text.value.decode()

  @property
  def words(self) -> list[NativeWord]:
    count = self._library.edge_rnnt_words(self._handle, None, 0)
    words = (_Word * count)()
    self._library.edge_rnnt_words(self._handle, words, count)
    text = self.text.encode()
    return [NativeWord(text[w.begin : w.begin + w.length].decode(), w.start, w.end) for w in words]

  @property
  def frames(self) -> int:
    """Encoded frames searched so far."""
    return self._library.edge_rnnt_frames(self._handle)

  def _do(self, result: int) -> None:
    self._fetch()
    if result:
      raise ValueError(self._library.edge_rnnt_error(self._handle).decode(errors="replace"))

  def _fetch(self) -> None:
    there = len(self.tokens) + 1
    while len(self.tokens) < there:
      begin = len(self.tokens)
      there = self._library.edge_rnnt_tokens(self._handle, begin, self._fresh, len(self._fresh))
      self.tokens += [Token(t.id, t.frame) for t in self._fresh[: there - begin]]

  def __del__(self) -> None:
    if getattr(self, "_handle", None):
      self._library.edge_rnnt_stream_close(self._handle)
