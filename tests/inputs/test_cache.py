"""What fits stays, what doesn't is decoded again, and many threads decode into it safely."""

import concurrent.futures

import numpy as np

from edge_rnnt.inputs.cache import RecordingCache


class Decoder:
  """Makes recordings of so many samples, and counts how often."""

  def __init__(self):
    self.calls = []

  def of(self, key, samples=100):
    def decode():
      self.calls.append(key)
      return np.full(samples, key, np.int16)

    return decode


def test_what_fits_is_decoded_once_and_the_rest_every_time():
  cache, decoder = RecordingCache(limit=450), Decoder()
  for _ in range(3):
    for key in range(4):  # of 200 bytes each: two fit
      np.testing.assert_array_equal(cache.get(key, decoder.of(key)), np.full(100, key))
  assert [decoder.calls.count(key) for key in range(4)] == [1, 1, 3, 3]


def test_a_small_one_still_fits_after_a_large_one_did_not():
  cache, decoder = RecordingCache(limit=100), Decoder()
  for _ in range(2):
    cache.get(1, decoder.of(1))
    cache.get(2, decoder.of(2, samples=50))
  assert decoder.calls == [1, 2, 1]


def test_what_is_known_is_not_decoded_and_takes_room():
  cache, decoder = RecordingCache(limit=250, known={7: np.full(100, 7, np.int16)}), Decoder()
  assert cache.get(7, decoder.of(7))[0] == 7 and not decoder.calls
  cache.get(1, decoder.of(1)), cache.get(1, decoder.of(1))
  assert decoder.calls == [1, 1]  # 50 bytes were left


def test_threads_never_overfill_it():
  cache = RecordingCache(limit=20 * 200)
  decoder = Decoder()

  def read(key):
    return int(cache.get(key % 50, decoder.of(key % 50))[0])

  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    assert list(pool.map(read, range(500))) == [key % 50 for key in range(500)]
  decoder.calls.clear()
  for key in range(50):
    cache.get(key, decoder.of(key))
  assert len(decoder.calls) == 30  # exactly 20 are kept
