"""FLAC in TFDS comes back bit for bit, and wrong audio is refused when it is written."""

import io

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data.features import SoundFileAudio, speech_features


def file_bytes(samples, rate=8000, kind="WAV"):
  file = io.BytesIO()
  soundfile.write(file, samples, rate, format=kind)
  return file.getvalue()


def test_round_trip_of_samples_bytes_and_paths(tmp_path):
  feature = SoundFileAudio(sample_rate=8000)
  samples = np.random.default_rng(0).integers(-32768, 32767, 4000).astype(np.int16)
  (tmp_path / "a.wav").write_bytes(file_bytes(samples))
  for given in (samples, file_bytes(samples), tmp_path / "a.wav"):
    stored = feature.encode_example(given)
    assert stored.startswith(b"fLaC")
    np.testing.assert_array_equal(feature.decode_example_np(stored), samples)
  flac = file_bytes(samples, kind="FLAC")
  stored = feature.encode_example(flac)
  assert stored == flac  # not encoded a second time
  assert feature.encode_example(stored) is stored  # nor looked at a second time


def test_settings_survive_features_json():
  features = speech_features(16000)
  again = tfds.features.FeaturesDict.from_json(features.to_json())
  assert isinstance(again["audio"], SoundFileAudio) and again["audio"].sample_rate == 16000


def test_wrong_rate_channels_and_type_are_refused():
  feature = SoundFileAudio(sample_rate=8000)
  with pytest.raises(
    ValueError, match="expected one channel at 8000 Hz, got 1 channels at 16000 Hz"
  ):
    feature.encode_example(file_bytes(np.zeros(10, np.int16), 16000))
  with pytest.raises(ValueError, match="got 2 channels"):
    feature.encode_example(file_bytes(np.zeros((10, 2), np.int16)))
  with pytest.raises(ValueError, match="expected int16 samples"):
    feature.encode_example(np.zeros(10, np.float32))
