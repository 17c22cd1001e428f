"""The native kernels for tests: in this process, or in another one for ARM and under sanitizers."""

import ctypes
import functools
import itertools
import pathlib
import shutil
import struct
import subprocess
import tempfile

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
NATIVE = HERE.parents[1] / "edge_rnnt" / "device" / "native"
FLAGS = ("-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ARM_COMPILER, ARM_EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"


def build(compiler, sources, *flags):
  """Compiles sources with all kernels; skips the test if there is no such compiler."""
  return compile_all(compiler, [*sources, *NATIVE.glob("kernels/*.cc")], *flags)


def build_engine(compiler, source, *flags):
  """Compiles a source with the whole engine."""
  sources = [HERE / source, *NATIVE.glob("*.cc"), *NATIVE.glob("kernels/*.cc")]
  return compile_all(compiler, sources, *flags)


def compile_all(compiler, sources, *flags):
  found = shutil.which(compiler)
  if found is None:
    pytest.skip(f"there is no {compiler}")
  target = pathlib.Path(_folder().name) / f"built-{next(_numbers)}"
  command = [found, *FLAGS, f"-I{NATIVE}", f"-I{HERE}", *map(str, sources), *flags]
  subprocess.run([*command, "-o", str(target)], check=True)
  return target


_numbers = itertools.count()


@functools.cache
def _folder():
  """Gone when the tests end."""
  return tempfile.TemporaryDirectory(prefix="native-")


class Pointer(ctypes.c_void_p):
  """To an array's data, for both kinds of calls."""

  def __init__(self, array):
    super().__init__(array.ctypes.data)
    self.array = array


def at(array):
  return None if array is None else Pointer(array)


@functools.cache
def in_this_process():
  """The functions of native_kernels.cc through ctypes."""
  loaded = ctypes.CDLL(str(build("c++", [HERE / "native_kernels.cc"], "-shared", "-fPIC")))
  for name in ("sigmoid_entries", "tanh_entries"):
    getattr(loaded, name).restype = ctypes.POINTER(ctypes.c_int16)
  loaded.choose.restype = ctypes.c_bool
  loaded.fastest.restype = ctypes.c_char_p
  return loaded


class Remote:
  """The same functions in a process of their own (native_calls.cc)."""

  def __init__(self, command):
    self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

  def __getattr__(self, name):
    return functools.partial(self._call, name)

  def _call(self, name, *arguments):
    arguments = [self._pack(argument) for argument in arguments]
    request = f"{name} {len(arguments)}\n".encode() + b"".join(data for data, _ in arguments)
    self._process.stdin.write(request)
    self._process.stdin.flush()
    result = struct.unpack("<q", self._read(8))[0]
    for _, array in arguments:
      if array is not None:
        array[...] = np.frombuffer(self._read(array.nbytes), array.dtype).reshape(array.shape)
    return result

  def _pack(self, argument):
    if argument is None:
      return b"0", None
    if isinstance(argument, Pointer):
      data = argument.array.tobytes()
    elif isinstance(argument, bytes):
      data = argument + b"\0"
    else:
      return b"i" + struct.pack("<q", getattr(argument, "value", argument)), None
    array = argument.array if isinstance(argument, Pointer) else np.zeros(len(data), np.uint8)
    return b"a" + struct.pack("<Q", len(data)) + data, array

  def _read(self, length):
    data = self._process.stdout.read(length)
    assert len(data) == length, f"the process ended with {self._process.wait()}"
    return data


def emulator():
  if shutil.which(ARM_EMULATOR) is None:
    pytest.skip(f"there is no {ARM_EMULATOR}")
  return ARM_EMULATOR


@functools.cache
def on_arm():
  return Remote([emulator(), str(build(ARM_COMPILER, [HERE / "native_calls.cc"], "-static"))])


@functools.cache
def sanitized():
  return Remote([str(build("c++", [HERE / "native_calls.cc"], "-g", *SANITIZERS))])
