"""A microphone as an iterator of chunks, through sounddevice (an optional dependency)."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class MicrophoneError(RuntimeError):
  """There is nothing to listen with; the message says what is missing and what to do."""


@contextmanager
def microphone(sample_rate: int, chunk_seconds: float) -> Iterator[Iterator[np.ndarray]]:
  """Yields endless chunks of float32 [n], one channel, while the context is open.

  Raises MicrophoneError without the package, without PortAudio, or without an input device.
  """
  try:
    import sounddevice
  except ImportError as error:
    raise MicrophoneError("--mic needs the package sounddevice: pip install sounddevice") from error
  except OSError as error:
    raise MicrophoneError(
      f"--mic needs the PortAudio library, which is not installed ({error});"
      " on Debian and Ubuntu: apt install libportaudio2"
    ) from error

  heard: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()

  def keep(samples: np.ndarray, *_: object) -> None:
    heard.put(samples[:, 0].copy())

  try:
    stream = sounddevice.InputStream(
      samplerate=sample_rate,
      blocksize=round(sample_rate * chunk_seconds),
      channels=1,
      dtype="float32",
      callback=keep,
    )
  except (sounddevice.PortAudioError, ValueError) as error:
    raise MicrophoneError(
      f"--mic found no microphone that records at {sample_rate} Hz: {error}"
    ) from error
  with stream:
    yield iter(heard.get, None)
