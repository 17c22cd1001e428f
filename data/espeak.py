"""The espeak-ng synthesizer of the wheel espeakng-loader, through ctypes; also a program that
speaks a list.

espeak-ng is GPL-3.0: a tool that makes data, run as a process of its own and never part of what
ships to a device. It keeps hidden state from one utterance to the next (the phase of its voice),
so that what it says is reproducible only
from a fresh process: `python data/espeak.py < request.json > samples.npy` speaks a list in order.
"""

import ctypes
import io
import json
import pathlib
import sys
import tempfile

import numpy as np
import soxr

# Of espeak-ng/speak_lib.h.
_RETRIEVAL, _DONT_EXIT = 1, 1 << 15
_POSITION_CHARACTER, _CHARS_UTF8 = 1, 1
_RATE, _PITCH = 1, 3
_LONGEST_DATA_PATH = 140  # it keeps its data path in 160 bytes, file names included
_CALLBACK = ctypes.CFUNCTYPE(
  ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
  """One synthesizer; espeak-ng allows one per process. Raises RuntimeError if it does not start."""

  def __init__(self):
    import espeakng_loader

    self._library = ctypes.CDLL(espeakng_loader.get_library_path())
    self._library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    self._chunks: list[np.ndarray] = []
    self._callback = _CALLBACK(self._hear)  # kept: ctypes does not
    path = _short(pathlib.Path(espeakng_loader.get_data_path()))
    self.sample_rate = self._library.espeak_Initialize(
      _RETRIEVAL, 0, str(path).encode(), _DONT_EXIT
    )
    if self.sample_rate <= 0:
      raise RuntimeError(f"espeak-ng did not start with its voices at {path}")
    self._library.espeak_SetSynthCallback(self._callback)

  def say(self, text: str, voice: str, words_per_minute: int, pitch: int, seed: int) -> np.ndarray:
    """int16 samples [N] at `sample_rate`. voice: accent+variant, as en-us+f3; pitch 0..100, 50 is
    the voice's own.
    """
    if self._library.espeak_SetVoiceByName(voice.encode()):
      raise ValueError(f"espeak-ng has no voice {voice!r}")
    self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
    self._library.espeak_SetParameter(_PITCH, pitch, 0)
    self._library.espeak_ng_SetRandSeed(seed)
    self._chunks.clear()
    encoded = text.encode()
    self._library.espeak_Synth(
      encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
    )
    self._library.espeak_Synchronize()
    return np.concatenate([np.zeros(0, np.int16), *self._chunks])

  def _hear(self, samples, count: int, events) -> int:
    if samples and count:
      self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
    return 0


def _short(path: pathlib.Path) -> pathlib.Path:
  if len(str(path)) <= _LONGEST_DATA_PATH:
    return path
  link = pathlib.Path(tempfile.mkdtemp(prefix="espeak-")) / path.name
  link.symlink_to(path, target_is_directory=True)
  return link


def speak_list(request: dict) -> tuple[np.ndarray, np.ndarray]:
  """{"sample_rate": Hz, "utterances": [arguments of say]} -> lengths [n], all samples int16 [N]."""
  espeak = Espeak()
  spoken = []
  for utterance in request["utterances"]:
    samples = espeak.say(**utterance).astype(np.float32)
    resampled = soxr.resample(samples, espeak.sample_rate, request["sample_rate"])
    spoken.append(np.clip(np.round(resampled), -32768, 32767).astype(np.int16))
  lengths = np.array([len(each) for each in spoken], np.int64)
  return lengths, np.concatenate([np.zeros(0, np.int16), *spoken])


def main() -> None:
  lengths, samples = speak_list(json.load(sys.stdin))
  packed = io.BytesIO()
  np.save(packed, lengths)
  np.save(packed, samples)
  sys.stdout.buffer.write(packed.getvalue())


if __name__ == "__main__":
  main()
