"""The front end in C++ gives the bits of audio/frontend.py."""

import dataclasses
import functools

import numpy as np
import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device import binding
from edge_rnnt.text.wordpiece import train_wordpieces
from tests.device import random_models

pytestmark = pytest.mark.skipif(not binding.available(), reason="the native engine is not built")


SETTINGS = (
  FrontEnd(sample_rate=16000, num_mels=80),
  FrontEnd(sample_rate=16000, num_mels=128, tail_seconds=0.3),
  FrontEnd(sample_rate=8000, num_mels=40, low_hz=60.0, high_hz=3800.0, stack=1, stride=1),
  FrontEnd(sample_rate=22050, num_mels=23, low_hz=20.0, stack=2, stride=5),
  FrontEnd(sample_rate=11025, num_mels=17, stack=7, stride=2, tail_seconds=0.011),
  FrontEnd(sample_rate=1000, num_mels=3, stack=4, stride=4),
)


@functools.cache
def wordpieces() -> bytes:
  return train_wordpieces(["one two"], vocab_size=9, model_type="char")


@pytest.fixture(params=range(len(SETTINGS)))
def front_end(request) -> FrontEnd:
  return SETTINGS[request.param]


def native(tmp_path, front_end: FrontEnd) -> binding.NativeModel:
  size = random_models.vocabulary(wordpieces())
  shape = random_models.architecture("lstm", size, feature_dim=front_end.feature_dim)
  path, rng = tmp_path / "model.edge", np.random.default_rng(0)
  random_models.write_model(path, shape, "float", "dense", wordpieces(), rng, front_end)
  return binding.NativeModel(path, 4)


def sound(count: int, seed: int = 0) -> np.ndarray:
  """Tones that come and go over noise, from loud to silent: every bank hears much and little."""
  rng, time = np.random.default_rng(seed), np.arange(count) / max(count, 1)
  tones = sum(np.sin(time**2 * count * pitch) for pitch in (0.05, 0.4, 1.3))
  samples = 0.2 * tones * (1 + np.sin(40 * time)) + 0.01 * rng.standard_normal(count)
  samples[count // 3 : count // 2] = 0
  return samples.astype(np.float32)


def test_rows_are_those_of_the_reference(tmp_path, front_end):
  model = native(tmp_path, front_end)
  samples = sound(round(front_end.sample_rate * 1.37))
  expected = front_end.features(samples)
  found = model.features(samples, front_end.feature_dim, 4000)
  assert len(found) > 20
  np.testing.assert_array_equal(found, expected)


def test_audio_of_any_length_ends_alike(tmp_path, front_end):
  """From nothing to a little more than what the first frame needs, and both sides of every hop."""
  model, hop = native(tmp_path, front_end), front_end.sample_rate // 100
  lengths = {0, 1, 2, 3, *range(0, 4 * hop, max(1, hop // 7))}
  lengths |= {count + more for count in range(hop // 2, 6 * hop, hop) for more in (-1, 0, 1)}
  for count in sorted(lengths):
    samples = sound(count, seed=count)
    expected = front_end.features(samples)
    found = model.features(samples, front_end.feature_dim, 10_000)
    np.testing.assert_array_equal(found, expected, err_msg=f"{count} samples")


def test_audio_in_pieces_gives_the_same_bits(tmp_path, front_end):
  model = native(tmp_path, front_end)
  samples = sound(front_end.sample_rate // 3)
  whole = model.features(samples, front_end.feature_dim, len(samples))
  for chunk in (1, 3, 79, 160, 401):
    np.testing.assert_array_equal(model.features(samples, front_end.feature_dim, chunk), whole)


def test_normalized_and_clipped(tmp_path):
  plain = FrontEnd(sample_rate=8000, num_mels=20)
  samples = sound(8000)
  normal = plain.with_statistics([plain.log_mel(samples)])
  for front_end in (normal, dataclasses.replace(normal, clip=0.7)):
    found = native(tmp_path, front_end).features(samples, front_end.feature_dim, 800)
    expected = front_end.features(samples)
    np.testing.assert_array_equal(found, expected)
  assert found.max() == np.float32(0.7) and found.min() == np.float32(-0.7)
