"""The front end: one law (chunks change nothing), its definition, and its errors."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_rnnt.audio.frontend import FrontEnd

NOISE = np.random.default_rng(0).standard_normal(50_000).astype(np.float32) * 0.1


def streamed(front_end, samples, cuts):
  """Rows of samples cut at the given places, and how many were out before the end was known."""
  stream = front_end.stream()
  rows = [stream.accept(piece) for piece in np.split(samples, cuts)]
  early = sum(map(len, rows))
  return np.concatenate([*rows, stream.finish()]), early


def normalized(front_end):
  """With made-up statistics, so that a missing or doubled normalization shows."""
  rng = np.random.default_rng(1)
  mean, std = rng.uniform(-8, 0, front_end.num_mels), rng.uniform(1, 4, front_end.num_mels)
  return dataclasses.replace(
    front_end, mean=tuple(mean.tolist()), std=tuple(std.tolist()), clip=1.5
  )


@settings(max_examples=150, deadline=None)
@given(
  sample_rate=st.sampled_from([8000, 11025, 16000, 22050]),
  stack=st.integers(1, 5),
  stride=st.integers(1, 5),
  tail_seconds=st.sampled_from([0.0, 0.004, 0.3]),
  length=st.integers(0, 6000),
  cuts=st.lists(st.integers(0, 6000), max_size=12),
)
def test_chunks_change_nothing(sample_rate, stack, stride, tail_seconds, length, cuts):
  front_end = normalized(
    FrontEnd(
      sample_rate=sample_rate, num_mels=20, stack=stack, stride=stride, tail_seconds=tail_seconds
    )
  )
  samples = NOISE[:length]
  got, _ = streamed(front_end, samples, sorted(min(cut, length) for cut in cuts))
  np.testing.assert_array_equal(got, front_end.features(samples))


@pytest.mark.parametrize("length", [0, 1, 79, 80, 279, 280, 281, 399, 400, 1000])
@pytest.mark.parametrize("tail_seconds", [0.0, 0.1])
def test_single_samples_change_nothing(length, tail_seconds):
  front_end = normalized(FrontEnd(tail_seconds=tail_seconds))
  samples = NOISE[:length]
  got, _ = streamed(front_end, samples, range(1, length))
  np.testing.assert_array_equal(got, front_end.features(samples))


@pytest.mark.parametrize(
  ("folder", "sample_rate", "num_mels"),
  [("read", 16000, 80), ("read", 16000, 128), ("digits", 8000, 40)],
)
@pytest.mark.parametrize("chunk", [1, 160, 441, 960, 4800, 10**9])
def test_chunks_of_real_speech_change_nothing(shared_data, folder, sample_rate, num_mels, chunk):
  front_end = FrontEnd(sample_rate=sample_rate, num_mels=num_mels, tail_seconds=0.2)
  paths = sorted(path for path in (shared_data / folder / "audio").rglob("*") if path.is_file())
  for path in paths[:: len(paths) // 4]:
    samples, _ = soundfile.read(path, dtype="float32")
    samples = samples[: 1500 if chunk == 1 else None]
    got, _ = streamed(front_end, samples, range(chunk, len(samples), chunk))
    np.testing.assert_array_equal(got, front_end.features(samples), err_msg=str(path))


@given(length=st.integers(0, 3000))
def test_a_stream_holds_back_only_what_the_end_could_change(length):
  front_end = FrontEnd(stack=1, stride=1)
  _, early = streamed(front_end, NOISE[:length], [])
  whole_frames = [f for f in range(length) if f * 160 + 80 + 200 <= length]
  assert early == len(whole_frames)
  assert len(front_end.features(NOISE[:length])) == (length + 80) // 160


def test_features_follow_their_definition():
  front_end = normalized(FrontEnd(num_mels=24, tail_seconds=0.05))
  samples = NOISE[:5000]
  frames = front_end.log_mel(np.append(samples, np.zeros(800, np.float32)))
  z = np.clip((frames - np.array(front_end.mean)) / np.array(front_end.std), -1.5, 1.5)
  padded = np.concatenate([np.zeros((3, 24)), z])
  want = [np.concatenate(padded[last : last + 4]) for last in range(0, len(z), 3)]
  got = front_end.features(samples)
  assert got.dtype == np.float32
  assert got.shape == (len(want), front_end.feature_dim)
  assert np.abs(got).max() == 1.5  # the clip was reached
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_nothing_heard_gives_nothing():
  """Not even the tail: a model must not find words in an empty recording."""
  front_end = FrontEnd(tail_seconds=0.5)
  empty = np.zeros(0, np.float32)
  assert front_end.log_mel(empty).shape == (0, 80)
  assert front_end.features(empty).shape == (0, 320)
  stream = front_end.stream()
  assert stream.accept(empty).shape == (0, 320)
  assert stream.finish().shape == (0, 320)


def test_a_finished_stream_takes_no_more_audio():
  stream = FrontEnd().stream()
  stream.finish()
  with pytest.raises(ValueError, match="finished; begin the next utterance"):
    stream.accept(NOISE[:10])


def test_statistics_are_those_of_all_frames_together():
  front_end = FrontEnd(num_mels=16)
  log_mels = [front_end.log_mel(NOISE[:n] * loud) for n, loud in [(4000, 1), (9000, 0.1), (0, 1)]]
  together = np.concatenate(log_mels).astype(np.float64)
  got = front_end.with_statistics(iter(log_mels))
  np.testing.assert_allclose(got.mean, together.mean(0), rtol=1e-9)
  np.testing.assert_allclose(got.std, together.std(0), rtol=1e-6)
  z = got.normalize(np.concatenate(log_mels))
  np.testing.assert_allclose(z.mean(0), 0, atol=1e-4)
  np.testing.assert_allclose(z.std(0), 1, atol=1e-4)


def test_a_band_that_stands_still_is_not_blown_up():
  silence = FrontEnd(num_mels=16).log_mel(np.zeros(8000, np.float32))
  assert FrontEnd(num_mels=16).with_statistics([silence]).std == (1.0,) * 16


def test_json_gives_back_the_same_value():
  for front_end in [
    FrontEnd(),
    normalized(FrontEnd(sample_rate=8000, num_mels=40, high_hz=3800.0)),
  ]:
    again = FrontEnd.from_json(json.loads(json.dumps(front_end.to_json())))
    assert again == front_end
    np.testing.assert_array_equal(again.features(NOISE), front_end.features(NOISE))


def test_json_of_another_version_is_refused_by_name():
  values = FrontEnd().to_json()
  del values["stack"]
  with pytest.raises(ValueError, match=r"lacks \['stack'\].*unknown settings \['dither'\]"):
    FrontEnd.from_json({**values, "dither": 1.0})


@pytest.mark.parametrize(
  ("wrong", "message"),
  [
    ({"sample_rate": 16}, "sample_rate must be at least 1000, got 16"),
    ({"num_mels": 0}, "num_mels must be at least 3, got 0"),
    ({"stride": 0}, "stride must be at least 1, got 0"),
    ({"high_hz": 9000.0}, "high_hz <= 8000.*high_hz=9000"),
    ({"low_hz": 500.0, "high_hz": 400.0}, "low_hz=500, high_hz=400"),
    ({"tail_seconds": -1.0}, "tail_seconds must be zero or more, got -1"),
    ({"tail_seconds": float("nan")}, "tail_seconds must be zero or more, got nan"),
    ({"mean": (0.0,) * 80}, "mean and std come together"),
    ({"mean": (0.0,) * 3, "std": (1.0,) * 80}, "mean is 80 finite numbers"),
    ({"mean": (0.0,) * 80, "std": (0.0,) * 80}, "std must be positive"),
    ({"clip": 3.0}, "clip .* needs mean and std"),
    ({"num_mels": 300}, "300 mel bands"),
  ],
)
def test_settings_that_cannot_work_are_refused_when_built(wrong, message):
  with pytest.raises(ValueError, match=message):
    FrontEnd(**wrong)


@pytest.mark.parametrize(
  ("samples", "message"),
  [
    (np.zeros((2, 100), np.float32), r"one channel.*\(2, 100\).*average"),
    (np.zeros(100, np.int16), "int16; divide 16-bit samples by 32768"),
    (np.array([0.0, np.nan]), "NaN or infinite"),
  ],
)
def test_what_is_no_waveform_is_refused(samples, message):
  for take in [FrontEnd().log_mel, FrontEnd().features, FrontEnd().stream().accept]:
    with pytest.raises(ValueError, match=message):
      take(samples)


def test_a_device_needs_no_jax_to_hear_and_spell():
  program = (
    "import sys, edge_rnnt.audio.frontend, edge_rnnt.audio.files, edge_rnnt.text.wordpiece;"
    "print(sorted({'jax', 'flax', 'optax', 'matplotlib'} & set(sys.modules)))"
  )
  done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
  assert done.stdout.strip() == "[]"
