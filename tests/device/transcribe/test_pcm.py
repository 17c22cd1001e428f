"""Raw samples from a pipe, whatever pieces they arrive in."""

import io
import os
import threading
import warnings

import numpy as np
import pytest

from edge_rnnt.audio.files import AudioError
from edge_rnnt.device.transcribe.pcm import pcm_blocks


def read(content, encoding="s16le", channels=1, seconds=0.1):
  blocks = list(
    pcm_blocks(io.BufferedReader(io.BytesIO(content)), 8000, encoding, channels, seconds)
  )
  return np.concatenate(blocks)


def test_16_bit_samples_are_scaled_and_channels_averaged():
  stereo = np.array([[16384, -16384], [32767, 32767], [-32768, 0]], "<i2")
  assert read(stereo.tobytes(), channels=2).tolist() == [0.0, 32767 / 32768, -0.5]


def test_floats_are_taken_as_they_are():
  samples = np.linspace(-1, 1, 4001, dtype="<f4")
  np.testing.assert_array_equal(read(samples.tobytes(), "f32le"), samples)


def test_a_pipe_that_gives_odd_pieces_gives_the_same_samples():
  """Each block is there before the next piece is written; half a sample at the end is left out."""
  content = np.arange(-3000, 3000, dtype="<i2").tobytes() + b"\x01"
  reading, writing = os.pipe()
  wanted = threading.Semaphore(1)

  def write():
    with open(writing, "wb", buffering=0) as pipe:
      for begin in range(0, len(content), 333):
        wanted.acquire(timeout=5)
        pipe.write(content[begin : begin + 333])

  writer = threading.Thread(target=write)
  writer.start()
  blocks = []
  with open(reading, "rb") as pipe:
    for block in pcm_blocks(pipe, 8000, "s16le", 1, 0.1):
      blocks.append(block)
      wanted.release()
  writer.join()
  np.testing.assert_array_equal(np.concatenate(blocks), np.arange(-3000, 3000) / 32768)
  assert len(blocks) == -(-len(content) // 333)


@pytest.mark.parametrize(
  ("content", "encoding", "said"),
  [
    (b"", "s16le", "holds no samples"),
    (b"\x01", "s16le", "holds no samples"),
    (b"RIFF" + bytes(40), "s16le", "holds an audio file"),
    (np.array([0, np.nan], "<f4").tobytes(), "f32le", "NaN"),
    (np.array([1000, -2000], "<f4").tobytes(), "f32le", "Divide 16-bit values"),
  ],
)
def test_what_is_no_audio_is_said(content, encoding, said):
  with pytest.raises(AudioError, match=f"^stdin: .*{said}"):
    read(content, encoding)


def test_a_signalling_nan_is_told_once():
  """Arithmetic with it would warn before."""
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    with pytest.raises(AudioError, match="holds NaN"):
      read(b"\x01\x00\xa0\x7f" * 4, "f32le")
