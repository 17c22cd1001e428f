"""The microphone: what it gives at any rate, and what is said where there is none."""

import sys
import types

import numpy as np
import pytest

from edge_rnnt.device import microphone
from edge_rnnt.device.transcribe.command import main


class Sound(types.SimpleNamespace):
  """What stands for sounddevice: a device that records given samples at its own rate."""

  class PortAudioError(Exception):
    pass

  def query_devices(self, device, kind):
    if device not in (None, 3):
      raise ValueError(f"No input device matching {device!r}")
    assert kind == "input"
    return {"default_samplerate": float(self.rate)}

  def InputStream(self, device, samplerate, blocksize, channels, dtype, callback):
    assert (samplerate, channels, dtype) == (self.rate, 1, "float32")
    self.blocks = np.array_split(self.samples, range(blocksize, len(self.samples), blocksize))
    self.callback = callback
    return self

  def __enter__(self):
    status = types.SimpleNamespace(input_overflow=self.lost)
    for block in self.blocks:
      self.callback(block[:, None], len(block), None, status)

  def __exit__(self, *_):
    return False


@pytest.mark.parametrize("lost", [False, True])
def test_blocks_are_what_it_recorded(monkeypatch, lost):
  samples = np.sin(np.arange(44100)).astype(np.float32)
  monkeypatch.setitem(sys.modules, "sounddevice", Sound(rate=44100, samples=samples, lost=lost))
  told = []
  with microphone.microphone("3", 0.1, told.append) as (rate, blocks):
    heard = [next(blocks) for _ in range(10)]
  assert rate == 44100 and [len(block) for block in heard] == [4410] * 10
  np.testing.assert_array_equal(np.concatenate(heard), samples)
  assert told == (["audio was lost 10 times: the machine was too slow or busy"] if lost else [])


class NoDevice(Sound):
  """A machine without a microphone."""

  def query_devices(self, device, kind):
    raise self.PortAudioError("Error querying device -1")


@pytest.mark.parametrize(
  ("module", "device", "said"),
  [
    (None, [], "needs the package sounddevice"),
    (NoDevice(), [], "found no microphone (Error querying device -1)"),
    (Sound(rate=8000), ["USB"], "found no microphone 'USB'"),
  ],
)
def test_a_missing_microphone_is_said_plainly(
  model_file, monkeypatch, capsys, module, device, said
):
  monkeypatch.setitem(sys.modules, "sounddevice", module)
  model = str(model_file("lstm", "float"))
  assert main(["--model", model, "--mic", *device]) == 2
  assert said in capsys.readouterr().err


def test_a_missing_port_audio_is_said_plainly(monkeypatch):
  class Broken:
    def find_spec(self, name, *_):
      if name == "sounddevice":
        raise OSError("PortAudio library not found")

  monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
  monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
  with (
    pytest.raises(microphone.MicrophoneError, match="PortAudio"),
    microphone.microphone(None, 0.1, print),
  ):
    pass
