"""Our native engine in the benchmark of runtimes: one layer, compiled with the engine's sources."""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_rnnt.device import container
from experiments.benchmarks.device_layer import PATH, WIDTH, Problem, draw
from experiments.benchmarks.device_runtime import Runtime

NATIVE = Path(__file__).parents[2] / "edge_rnnt" / "device" / "native"
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-shared", "-fPIC")  # those of setup.py


@functools.cache
def library() -> ctypes.CDLL:
  """Compiles it; raises RuntimeError without a compiler."""
  compiler = shutil.which("c++")
  if compiler is None:
    raise RuntimeError("the native engine is measured where there is a C++ compiler: c++ not found")
  sources = [Path(__file__).with_suffix(".cc"), *NATIVE.glob("*.cc"), *NATIVE.glob("kernels/*.cc")]
  with tempfile.TemporaryDirectory(prefix="device-benchmark-") as folder:
    target = Path(folder) / "layer.so"
    command = [compiler, *FLAGS, f"-I{NATIVE}", *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(target))  # stays loaded without its file
  loaded.layer_open.restype = loaded.layer_step.restype = ctypes.c_void_p
  loaded.layer_open.argtypes = ctypes.c_char_p, ctypes.c_char_p
  loaded.layer_step.argtypes = ctypes.c_void_p, ctypes.c_void_p
  loaded.layer_enter.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
  loaded.fastest_kernels.restype = ctypes.c_char_p
  loaded.read_words.argtypes = ctypes.c_void_p, ctypes.c_int64
  return loaded


class NativeLayer:
  """A device file's first layer."""

  def __init__(self, path: Path, kernels: str) -> None:
    self._library, file = library(), container.read(path)
    self._handle = self._library.layer_open(str(path).encode(), kernels.encode())
    if not self._handle:
      raise RuntimeError(f"{path} cannot be opened with the kernels {kernels!r}")
    self._integer = file.scheme == "integer"
    if self._integer:
      self._scale, self._zero = file.activations[f"{PATH}/output"]
    self._x = np.zeros(WIDTH, np.int8 if self._integer else np.float32)
    self._output = None

  def feed(self, x: np.ndarray) -> None:
    if self._integer:
      self._library.layer_enter(self._handle, x.ctypes.data, self._x.ctypes.data)
    else:
      self._x[:] = x

  def run(self) -> None:
    self._output = self._library.layer_step(self._handle, self._x.ctypes.data)

  def output(self) -> np.ndarray:
    kind = ctypes.c_int8 if self._integer else ctypes.c_float
    values = np.ctypeslib.as_array(ctypes.cast(self._output, ctypes.POINTER(kind)), (WIDTH,))
    if not self._integer:
      return values.copy()
    return (values.astype(np.float32) - self._zero) * np.float32(self._scale)


def fastest() -> str:
  """The name of this processor's fastest kernels."""
  return library().fastest_kernels().decode()


def runtime(problem: Problem, scheme: str, kernels: str = "") -> Runtime:
  """The layer in the native engine, with the fastest kernels unless others are named."""
  layer = draw(problem)
  name = f"edge_rnnt {kernels or fastest()}"
  stepper = NativeLayer(layer.files[scheme], kernels)
  return Runtime(name, scheme, problem, layer.stored_bytes[scheme], stepper)


def reader(size: int) -> Callable[[], None]:
  """What reads that many bytes and nothing else: the bound of any layer with such weights."""
  words = np.ones(size // 8, np.uint64)
  return lambda: library().read_words(words.ctypes.data, len(words))
