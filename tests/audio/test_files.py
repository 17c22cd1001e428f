"""Files of every kind read alike, whole or in chunks; broken ones refused by name."""

import pickle
import struct

import numpy as np
import pytest
import soundfile
import soxr

from edge_rnnt.audio.files import AudioError, read_audio, stream_audio

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)
# How far a codec may stray from the tone, in amplitude.
CODECS = {
  "a.wav": ({"subtype": "PCM_16"}, 1 / 32768),
  "a.flac": ({}, 1 / 32768),
  "a.ogg": ({"format": "OGG", "subtype": "VORBIS"}, 0.05),
  "a.opus": ({"format": "OGG", "subtype": "OPUS"}, 0.05),
  "a.mp3": ({"format": "MP3"}, 0.05),
}


def written(folder, name, samples=TONE, rate=RATE, **options):
  path = folder / name
  soundfile.write(path, samples, rate, **options)
  return path


@pytest.mark.parametrize("name", CODECS)
def test_every_kind_is_read(tmp_path, name):
  options, tolerance = CODECS[name]
  got = read_audio(written(tmp_path, name, **options), RATE)
  assert got.dtype == np.float32
  assert len(got) == len(TONE)
  middle = slice(2000, -2000)  # codecs smear the edges
  np.testing.assert_allclose(got[middle], TONE[middle], atol=tolerance)


@pytest.mark.parametrize("rate", [RATE, 8000, 44100])
@pytest.mark.parametrize("name", CODECS)
def test_chunks_change_nothing(tmp_path, name, rate):
  path = written(tmp_path, name, **CODECS[name][0])
  whole = read_audio(path, rate)
  for seconds in [0.003, 0.1, 0.71, 60.0]:
    chunks = list(stream_audio(path, rate, seconds))
    np.testing.assert_array_equal(np.concatenate(chunks), whole)
    assert max(map(len, chunks)) < rate * (seconds + 1)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_rates_are_changed_as_soxr_changes_a_whole_recording(tmp_path, rate):
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, rate).astype(np.float32)
  path = written(tmp_path, "a.wav", noise, rate, subtype="FLOAT")
  got = read_audio(path, RATE)
  np.testing.assert_array_equal(got, soxr.resample(noise, rate, RATE))
  assert len(got) == RATE


def test_a_tone_keeps_its_pitch_and_level_through_a_change_of_rate(tmp_path):
  got = read_audio(written(tmp_path, "a.wav", subtype="FLOAT"), 8000)
  want = 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(got)) / 8000)
  np.testing.assert_allclose(got[200:-200], want[200:-200], atol=1e-4)


def test_channels_are_averaged(tmp_path):
  both = np.stack([TONE, -0.5 * TONE, np.zeros_like(TONE)], axis=1)
  path = written(tmp_path, "a.wav", both, subtype="FLOAT")
  np.testing.assert_allclose(read_audio(path, RATE), TONE / 6, atol=1e-7)


def test_a_wav_written_to_a_pipe_announces_no_length_and_is_read(tmp_path):
  path = written(tmp_path, "a.wav", subtype="PCM_16")
  content = bytearray(path.read_bytes())
  place = content.index(b"data") + 4
  content[place : place + 4] = struct.pack("<I", 0xFFFFFFFF)
  path.write_bytes(content)
  assert len(read_audio(path, RATE)) == len(TONE)


def cut(content):
  return content[: len(content) // 2]


@pytest.mark.parametrize(
  ("name", "damage", "message"),
  [
    ("a.wav", cut, "is cut short: 64000 bytes of sound announced, 31978 found"),
    ("a.flac", cut, "breaks off after 0 samples"),
    ("a.wav", lambda content: b"", r"is empty \(0 bytes\)"),
    ("a.wav", lambda content: content[:44], "announced, 0 found|holds no samples"),
    ("a.wav", lambda content: b"turn the lights on\n" * 99, "broken or is not audio.*WAV, FLAC"),
    ("a.flac", lambda content: content[:20], "broken or is not audio"),
    ("a.raw", None, "broken or is not audio"),
  ],
)
def test_broken_files_are_refused_by_name(tmp_path, name, damage, message):
  path = tmp_path / name
  if damage:
    content = damage(written(tmp_path, name).read_bytes())
    path.write_bytes(content)
  else:
    path.write_bytes(b"12345678")
  with pytest.raises(AudioError, match=message) as caught:
    read_audio(path, RATE)
  assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", CODECS)
def test_any_damage_is_refused_or_harmless(tmp_path, name):
  """Cut anywhere, bytes changed anywhere: finite samples or an AudioError, nothing else."""
  content = written(tmp_path, name, TONE[:8000], **CODECS[name][0]).read_bytes()
  rng = np.random.default_rng(0)
  refused = 0
  for trial in range(60):
    damaged = bytearray(content[: rng.integers(1, len(content)) if trial % 3 else None])
    for place in rng.integers(min(len(damaged), 200 if trial % 2 else 1 << 30), size=trial % 5):
      damaged[place] = rng.integers(256)
    (tmp_path / name).write_bytes(damaged)
    try:
      assert np.isfinite(read_audio(tmp_path / name, 8000)).all()
    except AudioError:
      refused += 1
  assert refused


def test_a_rate_no_recorder_has_is_refused(tmp_path):
  with pytest.raises(AudioError, match="announces 12 samples a second"):
    read_audio(written(tmp_path, "a.wav", rate=12), RATE)


def test_a_wav_of_no_samples_is_refused(tmp_path):
  path = written(tmp_path, "a.wav", np.zeros(0, np.float32))
  with pytest.raises(AudioError, match="holds no samples"):
    read_audio(path, RATE)


def test_missing_files_and_folders_are_refused_at_once(tmp_path):
  with pytest.raises(AudioError, match=r"does not exist. Check the path"):
    stream_audio(tmp_path / "nowhere.wav", RATE, 1.0)
  with pytest.raises(AudioError, match=r"is not a file. Name one audio file"):
    stream_audio(tmp_path, RATE, 1.0)


@pytest.mark.parametrize(
  ("value", "message"),
  [(np.nan, "NaN or infinite"), (np.inf, "NaN or infinite"), (12000.0, "size 1.2e.04.*32768")],
)
def test_values_that_are_no_samples_are_refused(tmp_path, value, message):
  samples = TONE.copy()
  samples[20000] = value
  path = written(tmp_path, "a.wav", samples, subtype="FLOAT")
  with pytest.raises(AudioError, match=message):
    read_audio(path, RATE)


def test_a_rate_of_nothing_is_refused(tmp_path):
  path = written(tmp_path, "a.wav")
  with pytest.raises(ValueError, match=r"must be positive, got 0 and 1.0"):
    stream_audio(path, 0, 1.0)
  with pytest.raises(ValueError, match=r"must be positive, got 16000 and 0.0"):
    stream_audio(path, RATE, 0.0)


def test_errors_travel_between_processes():
  error = AudioError("a.wav", "is empty", "Leave it out.")
  again = pickle.loads(pickle.dumps(error))
  assert (str(again), again.path) == ("a.wav: is empty. Leave it out.", "a.wav")


def test_real_speech_of_both_codecs(shared_data):
  for folder, rate in [("commands", 16000), ("digits", 8000)]:
    path = sorted(p for p in (shared_data / folder / "audio").rglob("*") if p.is_file())[0]
    want, stored = soundfile.read(path, dtype="float32")
    assert stored == rate
    np.testing.assert_array_equal(read_audio(path, rate), want)


def test_one_channel_is_taken_and_a_missing_one_refused(tmp_path):
  left, right = TONE, np.roll(TONE, 7)
  path = written(tmp_path, "call.flac", np.stack([left, right], 1))
  np.testing.assert_allclose(read_audio(path, RATE, channel=1), right, atol=2 / 32768)
  np.testing.assert_allclose(read_audio(path, RATE), (left + right) / 2, atol=2 / 32768)
  with pytest.raises(AudioError, match="no channel 2, but 2"):
    read_audio(path, RATE, channel=2)


@pytest.mark.parametrize("announced", [0, 2000])
def test_a_wav_that_holds_more_than_its_header_says_is_refused(tmp_path, announced):
  """A recorder that was cut off never completes its header; most of the sound would be lost."""
  path = written(tmp_path, "a.wav", TONE + np.float32(0.1), subtype="PCM_16")
  content = path.read_bytes()
  path.write_bytes(content[:40] + struct.pack("<I", announced) + content[44:])
  with pytest.raises(AudioError, match=f"wrong header: {announced} bytes of sound announced, 6"):
    read_audio(path, RATE)
  path.write_bytes(content + b"LIST\x04\0\0\0abcd" + b"tail" * 20)  # and some more is usual
  assert len(read_audio(path, RATE)) == len(TONE)
