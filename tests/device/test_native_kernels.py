"""The C++ kernels give the integers of the NumPy reference, bit for bit."""

import ctypes
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from edge_rnnt.device.fixed_functions import sigmoid_table, tanh_table
from edge_rnnt.device.fixed_point import Multiplier, multiplier, multiply, saturate
from edge_rnnt.device.integer_norm import integer_norm

NATIVE = pathlib.Path(__file__).parents[2] / "edge_rnnt" / "device" / "native"


@pytest.fixture(scope="module")
def native(tmp_path_factory):
  compiler = shutil.which("c++") or shutil.which("g++")
  if compiler is None:
    pytest.skip("there is no C++ compiler")
  library = tmp_path_factory.mktemp("native") / "kernels.so"
  sources = [pathlib.Path(__file__).with_name("native_kernels.cc")]
  sources += [NATIVE / "kernels" / name for name in ("fixed_functions.cc", "scalar.cc")]
  flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{NATIVE}"]
  subprocess.run([compiler, *flags, *map(str, sources), "-o", str(library)], check=True)
  loaded = ctypes.CDLL(str(library))
  for name in ("sigmoid", "tanh_of"):
    getattr(loaded, name).restype = ctypes.POINTER(ctypes.c_int16)
  return loaded


def at(array):
  return array.ctypes.data_as(ctypes.c_void_p)


def test_sigmoid_and_tanh_of_all_inputs(native):
  np.testing.assert_array_equal(np.ctypeslib.as_array(native.sigmoid(), (65536,)), sigmoid_table())
  for bits in range(7):
    theirs = np.ctypeslib.as_array(native.tanh_of(bits), (65536,))
    np.testing.assert_array_equal(theirs, tanh_table(bits))


@pytest.mark.parametrize("block", [(8, 1), (1, 8), (16, 1), (4, 4)])
@pytest.mark.parametrize("shape", [(64, 48), (41, 19), (1, 1)])
def test_products_dense_and_in_blocks(native, block, shape):
  rng = np.random.default_rng(0)
  keep = rng.random((-(-shape[0] // block[0]), -(-shape[1] // block[1]))) < 0.4
  mask = np.kron(keep, np.ones(block, int))[: shape[0], : shape[1]]
  weights = (rng.integers(-127, 128, shape) * mask).astype(np.int8)
  for x in (rng.integers(-128, 128, shape[0]).astype(np.int8), np.full(shape[0], -128, np.int8)):
    expected = x.astype(np.int32) @ weights.astype(np.int32)
    for sparse in (False, True):
      sums = np.full(shape[1], 77, np.int32)
      native.product(at(weights), *shape, sparse, *block, at(x), at(sums))
      np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("real", [0.0, 1e-6, 0.004, 0.5, 0.9999999999, 1.7, 250.0])
def test_rescaling_saturates_and_rounds_as_the_reference(native, real):
  rng = np.random.default_rng(1)
  sums = np.concatenate([rng.integers(-(2**30), 2**30, 500), rng.integers(-300, 300, 500)])
  sums, bias = sums.astype(np.int32), rng.integers(-9000, 9000, 1000).astype(np.int32)
  factor = multiplier(real)
  scaled = multiply(sums.astype(np.int64) + bias, factor)
  y = np.zeros(1000, np.int16)
  parts = int(factor.mantissa), int(factor.shift), 1000
  native.rescale16(at(sums), at(bias), *parts, False, at(y))
  first = saturate(scaled, 16)
  np.testing.assert_array_equal(y, first)
  native.rescale16(at(sums), at(bias), *parts, True, at(y))
  np.testing.assert_array_equal(y, saturate(first + scaled, 16))


@pytest.mark.parametrize("cells", [1, 7, 96, 640, 2048])
@pytest.mark.parametrize("loud", [0, 3, 400, 32767])
def test_layer_norm(native, cells, loud):
  rng = np.random.default_rng(2)
  a = rng.integers(-loud - (loud > 0), loud + 1, cells).astype(np.int16)
  gain = rng.integers(-32767, 32768, cells).astype(np.int16)
  bias = rng.integers(-(2**24), 2**24, cells).astype(np.int32)
  norm = integer_norm(gain[None], bias[None], np.float32([1.7 / 32767]), 2.0**-12)
  expected = norm(a.astype(np.int64)[None, None])[0, 0]
  rescale = Multiplier(*(int(np.ravel(part)[0]) for part in norm.rescale))
  native.integer_norm(
    at(gain), at(bias), ctypes.c_int64(int(norm.guard[0])), *rescale, cells, at(a)
  )
  np.testing.assert_array_equal(a, expected)
