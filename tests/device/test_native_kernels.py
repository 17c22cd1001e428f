"""Every table of C++ kernels gives the integers of the NumPy reference, bit for bit.

The same tests run on ARM under emulation (`make test-arm`), and under the address and
undefined-behaviour sanitizers (`make test-sanitized`).
"""

import ctypes
import platform

import numpy as np
import pytest

from edge_rnnt.device.fixed_functions import look_up, sigmoid_table, tanh_table
from edge_rnnt.device.fixed_point import multiplier, multiply, rounding_divide, saturate
from edge_rnnt.device.integer_norm import integer_norm
from edge_rnnt.export import blocks, panels
from edge_rnnt.quant.affine import quantize, symmetric
from tests.device import native_library
from tests.device.native_library import at

ARM = ("scalar", "neon", "neon-dot")
HERE = ARM if platform.machine() in ("aarch64", "arm64") else ("scalar", "avx2", "avx512-vnni")
SIZES = (1, 7, 8, 16, 31, 96, 640, 2048)


def on(place, tables, mark=()):
  return [pytest.param((place, name), id=f"{place}-{name}", marks=mark) for name in tables]


@pytest.fixture
def library():
  return native_library.in_this_process()


@pytest.fixture(
  params=[
    *on("in_this_process", HERE),
    *on("on_arm", ARM, pytest.mark.arm),
    *on("sanitized", HERE, pytest.mark.sanitized),
  ]
)
def native(request):
  place, table = request.param
  kernels = getattr(native_library, place)()
  if not kernels.choose(table.encode()):
    assert place != "on_arm", f"the emulated processor has no {table} kernels"
    pytest.skip(f"this processor has no {table} kernels")
  return kernels


def halves(rng, size, low=-32768):
  """int16 of all sizes, the extremes among them."""
  values = rng.integers(low, 32768, size)
  values[rng.random(size) < 0.1] = 32767
  values[rng.random(size) < 0.1] = low
  return values.astype(np.int16)


def product(function, weights, split, block, x):
  """Sums [parts, outputs] of the rows before `split` and from it on, dense or packed in blocks."""
  rows, outputs = weights.shape
  block_in, block_out = block or (1, 1)
  parts = 1 if weights.dtype == np.float32 or split == rows else 2
  padded = np.zeros(-(-rows // block_in) * block_in, weights.dtype)
  padded[:rows] = x
  dtype = np.int32 if weights.dtype == np.int8 else np.float32
  across = panels.OUTPUTS if block is None and dtype == np.int32 else block_out
  stride = -(-outputs // across) * across
  sums = np.full((parts, stride), 77, dtype)
  stored = weights if dtype == np.float32 else panels.pack(weights)
  narrow, wide, count = None, None, None
  if block is not None:
    packed = blocks.pack(weights, block)
    stored, count = packed.blocks, packed.count.astype(np.int32)
    narrow = packed.index if packed.index.dtype == np.uint8 else None
    wide = packed.index if narrow is None else None
  # Copies end where their contents do, so that a sanitizer sees what reads beyond.
  stored = stored.copy()
  function(at(stored), rows, split, outputs, *(block or (0, 0)), at(narrow), at(wide), at(count),
           at(padded), at(sums))  # fmt: skip
  return sums[:, :outputs]


def test_this_machine_uses_the_fastest_it_has(library):
  able = [name for name in HERE if library.choose(name.encode())]
  assert library.fastest().decode() == able[-1]
  assert not library.choose(b"avx1024")


def test_tables_of_sigmoid_and_tanh(library):
  entries = np.ctypeslib.as_array(library.sigmoid_entries(), (65536,))
  np.testing.assert_array_equal(entries, sigmoid_table())
  for bits in range(7):
    entries = np.ctypeslib.as_array(library.tanh_entries(bits), (65536,))
    np.testing.assert_array_equal(entries, tanh_table(bits))


def test_sigmoid_and_tanh_of_all_inputs(native):
  a = np.arange(-32768, 32768).astype(np.int16)
  y = np.zeros(65536, np.int16)
  native.sigmoid(at(a), 65536, at(y))
  np.testing.assert_array_equal(y, sigmoid_table())
  for bits in range(7):
    native.tanh_of(at(a), bits, 65536, at(y))
    np.testing.assert_array_equal(y, tanh_table(bits))


@pytest.mark.parametrize("block", [None, (8, 1), (1, 8), (16, 1), (4, 4), (1, 1)])
@pytest.mark.parametrize("shape", [(64, 48), (41, 19), (1, 1), (33, 130), (2600, 43), (7000, 9)])
@pytest.mark.parametrize("density", [0.4, 0.03, 1.0])
def test_products_dense_and_in_blocks(native, block, shape, density):
  rng = np.random.default_rng(0)
  by = block or (1, 1)
  keep = rng.random((-(-shape[0] // by[0]), -(-shape[1] // by[1]))) < density
  mask = np.kron(keep, np.ones(by, int))[: shape[0], : shape[1]]
  weights = (rng.integers(-127, 128, shape) * mask).astype(np.int8)
  loud = np.where(mask, 127, 0).astype(np.int8)
  for split in {shape[0], -(-shape[0] // 2) // 16 * 16 or shape[0], shape[0] * 5 // 8 or shape[0]}:
    random = rng.integers(-128, 128, shape[0]).astype(np.int8)
    least = np.full(shape[0], -128, np.int8)
    for w, x in ((weights, random), (loud, least), (-loud, random), (-loud, least)):
      parts = (slice(0, split), slice(split, None)) if split < shape[0] else (slice(None),)
      expected = np.stack([x[part].astype(np.int32) @ w[part].astype(np.int32) for part in parts])
      np.testing.assert_array_equal(product(native.int8_product, w, split, block, x), expected)
    x, w = rng.normal(size=shape[0]).astype(np.float32), weights.astype(np.float32)
    expected = x.astype(np.float64) @ w
    found = product(native.float_product, w, split, block, x)[0]
    limit = 1e-6 * (np.abs(x).astype(np.float64) @ np.abs(w)) + 1e-6
    assert (np.abs(found - expected) <= limit).all()


@pytest.mark.parametrize("real", [0.0, 1e-9, 1e-6, 0.004, 0.5, 0.9999999999, 1.0, 1.7, 250.0])
def test_rescaling_saturates_and_rounds_as_the_reference(native, real):
  rng = np.random.default_rng(1)
  sums = np.concatenate([rng.integers(-(2**30), 2**30, 500), rng.integers(-300, 300, 501)])
  sums[:2] = 2**30, -(2**30)
  sums, bias = sums.astype(np.int32), rng.integers(-9000, 9000, 1001).astype(np.int32)
  bias[:2] = 2**30 - 1, -(2**30)
  factor = multiplier(real)
  parts = int(factor.mantissa), int(factor.shift)
  scaled = multiply(sums.astype(np.int64) + bias, factor)
  y = np.zeros(1001, np.int16)
  native.rescale16(at(sums), at(bias), *parts, False, 1001, at(y))
  first = saturate(scaled, 16)
  np.testing.assert_array_equal(y, first)
  native.rescale16(at(sums), at(bias), *parts, True, 1001, at(y))
  np.testing.assert_array_equal(y, saturate(first + scaled, 16))
  small = np.zeros(1001, np.int8)
  for zero in (-128, 3, 127):
    native.rescale8(at(sums), at(bias), *parts, zero, 1001, at(small))
    np.testing.assert_array_equal(small, saturate(scaled + zero, 8))


@pytest.mark.parametrize("cells", [*SIZES, 30000])
@pytest.mark.parametrize("loud", [0, 3, 400, 32767])
def test_layer_norm(native, cells, loud):
  rng = np.random.default_rng(2)
  noise = rng.integers(-loud - (loud > 0), loud + 1, cells).astype(np.int16)
  alone = np.full(cells, -32768 if loud else 5, np.int16)
  alone[cells // 2] = loud  # one value far from all others: beyond 32 bits on its way
  gain = rng.integers(-32767, 32768, cells).astype(np.int16)
  bias = rng.integers(-(2**30), 2**30 + 1, cells).astype(np.int32)
  for scale in (1.7 / 32767, 9.0 / 32767):
    norm = integer_norm(gain[None], bias[None], np.float32([scale]), 2.0**-12)
    rescale = (int(np.ravel(part)[0]) for part in norm.rescale)
    rescale = tuple(rescale)
    for a in (noise.copy(), alone.copy()):
      expected = norm(a.astype(np.int64)[None, None])[0, 0]
      native.integer_norm(
        at(gain), at(bias), ctypes.c_int64(int(norm.guard[0])), *rescale, cells, at(a)
      )
      np.testing.assert_array_equal(a, expected)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("exponent", [15, 18, 21])
def test_cell_of_lstm(native, n, exponent):
  rng = np.random.default_rng(3)
  i, f, g, c = halves(rng, n, 0), halves(rng, n, 0), halves(rng, n), halves(rng, n)
  for clip in (32767, 20480, 1):
    wide = [part.astype(np.int64) for part in (i, f, g, c)]
    fresh = rounding_divide(wide[0] * wide[2], exponent)
    expected = saturate(rounding_divide(wide[1] * wide[3], 15) + fresh, 16).clip(-clip, clip)
    found = c.copy()
    native.update_cell(at(i), at(f), at(g), exponent, clip, n, at(found))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("scale", [1.0 / 127, 3e-5, 1e-9])
def test_hidden_of_lstm_and_highway_of_sru(native, n, scale):
  rng = np.random.default_rng(4)
  o, t, s = halves(rng, n, 0), halves(rng, n), halves(rng, n)
  wide = [part.astype(np.int64) for part in (o, t, s)]
  taken, highway = multiplier(2.0**-30 / scale), multiplier(2.0**-15 * 0.004 / scale)
  parts, more = ((int(m.mantissa), int(m.shift)) for m in (taken, highway))
  y = np.zeros(n, np.int8)
  for zero in (-7, 0, 100):
    native.take_hidden(at(o), at(t), *parts, zero, n, at(y))
    own = multiply(wide[0] * wide[1], taken)
    np.testing.assert_array_equal(y, saturate(own + zero, 8))
    native.take_highway(at(o), at(t), at(s), *parts, *more, zero, n, at(y))
    past = multiply((32767 - wide[0]) * wide[2], highway)
    np.testing.assert_array_equal(y, saturate(own + past + zero, 8))


@pytest.mark.parametrize("n", SIZES)
def test_cell_of_sru(native, n):
  rng = np.random.default_rng(5)
  f, u, c = halves(rng, n, 0), halves(rng, n), halves(rng, n)
  mixed = f.astype(np.int64) * c + (32767 - f.astype(np.int64)) * u
  native.mix_cell(at(f), at(u), n, at(c))
  np.testing.assert_array_equal(c, saturate(rounding_divide(mixed, 15), 16))


def test_float_functions_are_near_the_true_ones(native):
  x = np.linspace(-100, 100, 200_001).astype(np.float32)
  for name, true in (("tanh", np.tanh), ("sigmoid", lambda v: 1 / (1 + np.exp(-v)))):
    y = x.copy()
    getattr(native, f"float_{name}")(len(y), at(y))
    assert np.abs(y - true(x.astype(np.float64))).max() < 3e-7


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("loud", [0.0, 1e-30, 0.3, 1e6])
def test_hybrid_rows_are_quantized_and_scaled_as_in_numpy(native, n, loud):
  rng = np.random.default_rng(7)
  x = (loud * rng.standard_normal(n)).astype(np.float32)
  x[n // 2] *= 3
  format = symmetric(np.abs(x).max(), 8)
  q, scale = np.full(n, 99, np.int8), np.zeros(1, np.float32)
  native.quantize_row(at(x), n, at(q), at(scale))
  assert scale[0] == np.float32(format.scale)
  np.testing.assert_array_equal(q, quantize(x, format))
  sums = rng.integers(-(2**30), 2**30, n).astype(np.int32)
  scales = rng.uniform(1e-4, 1e-2, n).astype(np.float32)
  before = rng.standard_normal(n).astype(np.float32)
  product = sums.astype(np.float32) * (scale * scales)
  for add, expected in ((False, product), (True, before + product)):
    y = before.copy()
    native.hybrid_rescale(at(sums), at(scale), at(scales), add, n, at(y))
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("offset", [0.0, 40.0])
def test_float_layer_norm(native, n, offset):
  rng = np.random.default_rng(8)
  z, gain, bias = (rng.standard_normal(n).astype(np.float32) for _ in range(3))
  z += np.float32(offset)
  wide = z.astype(np.float64) - z.astype(np.float64).mean()
  expected = wide / np.sqrt((wide * wide).mean() + 1e-8) * gain + bias
  native.float_norm(at(gain), at(bias), n, at(z))
  limit = 3e-6 * (1 + offset) * (1 + np.abs(gain)) * (1 + np.abs(expected))
  assert (np.abs(z - expected) < limit).all()


def test_what_reads_a_table_agrees(native):
  a = halves(np.random.default_rng(6), 77)
  y = np.zeros(77, np.int16)
  native.tanh_of(at(a), 3, 77, at(y))
  np.testing.assert_array_equal(y, look_up(tanh_table(3), a.astype(np.int64)))
