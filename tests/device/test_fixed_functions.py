"""Sigmoid and tanh in 16 bits: how far from the real ones, and that no integer changes."""

import zlib

import numpy as np
import pytest

from edge_rnnt.device.fixed_functions import INPUTS, look_up, sigmoid_table, tanh_table

# Of the tables that gemmlowp's compiled functions (fixedpoint.h: logistic and tanh of
# FixedPoint<int16_t, m>) gave for all 65,536 inputs, as little-endian int16.
GEMMLOWP_SIGMOID = 2310271886
GEMMLOWP_TANH = [2739460856, 3380206877, 1949260215, 1890749950, 558921650, 979980552, 853570734]


def test_sigmoid_is_within_its_bound():
  real = 2.0**15 / (1 + np.exp(-INPUTS / 2.0**12))
  assert 6.3 < np.abs(sigmoid_table() - real).max() <= 6.4


@pytest.mark.parametrize("integer_bits", range(7))
def test_tanh_is_within_its_bound(integer_bits):
  real = 2.0**15 * np.tanh(INPUTS / 2.0 ** (15 - integer_bits))
  assert 11 < np.abs(tanh_table(integer_bits) - real).max() <= 12.1


def test_all_integers_are_gemmlowps():
  assert zlib.crc32(sigmoid_table().astype("<i2").tobytes()) == GEMMLOWP_SIGMOID
  tanh = [zlib.crc32(tanh_table(bits).astype("<i2").tobytes()) for bits in range(7)]
  assert tanh == GEMMLOWP_TANH


def test_symmetry_and_fixed_values():
  sigmoid, tanh = sigmoid_table().astype(int), tanh_table(3).astype(int)
  middle = 32768
  assert sigmoid[middle] == 1 << 14 and tanh[middle] == 0
  above = np.arange(1, 32768)
  assert (sigmoid[middle + above] + sigmoid[middle - above] == 32767).all()
  assert (tanh[middle + above] == -tanh[middle - above]).all()


def test_look_up_reads_negative_and_positive_inputs():
  x = np.array([[-32768, -4096], [4096, 32767]])
  expected = 2.0**15 * np.tanh(x / 4096)
  assert np.abs(look_up(tanh_table(3), x) - expected).max() < 12.1


@pytest.mark.parametrize("integer_bits", [-1, 7])
def test_tanh_takes_up_to_six_integer_bits(integer_bits):
  with pytest.raises(ValueError, match="0 to 6"):
    tanh_table(integer_bits)
