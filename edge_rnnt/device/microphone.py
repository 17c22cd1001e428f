"""A microphone as an iterator of blocks, through sounddevice (an optional dependency)."""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


class MicrophoneError(RuntimeError):
  """There is nothing to listen with; the message says what is missing and what to do."""


@contextmanager
def microphone(
  device: str | None, block_seconds: float, tell: Callable[[str], None]
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
  """(the rate it records at in Hz, endless blocks of float32 [n], one channel), while open.

  device: a number or a part of a name, as `python -m sounddevice` lists them; None: the default
  one. It records at its own default rate. Lost audio is told when it is over.
  Raises MicrophoneError without the package, without PortAudio, or without an input device.
  """
  sounddevice = _sounddevice()
  heard: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
  lost = 0

  def keep(samples: np.ndarray, _frames: int, _time: Any, status: Any) -> None:
    nonlocal lost
    lost += bool(status.input_overflow)
    heard.put(samples[:, 0].copy())

  chosen = int(device) if device is not None and device.isdigit() else device
  try:
    rate = round(sounddevice.query_devices(chosen, "input")["default_samplerate"])
    stream = sounddevice.InputStream(
      device=chosen,
      samplerate=rate,
      blocksize=max(1, round(rate * block_seconds)),
      channels=1,
      dtype="float32",
      callback=keep,
    )
  except (sounddevice.PortAudioError, ValueError) as error:
    which = "no microphone" if device is None else f"no microphone {device!r}"
    raise MicrophoneError(
      f"--mic found {which} ({error}); python -m sounddevice lists the devices"
    ) from error
  try:
    with stream:
      yield rate, _endless(heard)
  finally:
    if lost:
      tell(f"audio was lost {lost} times: the machine was too slow or busy")


def _endless(blocks: queue.SimpleQueue) -> Iterator[np.ndarray]:
  while True:
    yield blocks.get()


def _sounddevice() -> Any:
  try:
    import sounddevice
  except ImportError as error:
    raise MicrophoneError("--mic needs the package sounddevice: pip install sounddevice") from error
  except OSError as error:
    raise MicrophoneError(
      f"--mic needs the PortAudio library, which is not installed ({error});"
      " on Debian and Ubuntu: apt install libportaudio2"
    ) from error
  return sounddevice
