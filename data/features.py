"""Speech in TFDS without TensorFlow: recordings kept as FLAC bytes, and the fields every corpus of
ours has.

TFDS's own Audio feature imports TensorFlow even to read; this one needs soundfile only.
"""

import io
import pathlib

import numpy as np
import soundfile
import tensorflow_datasets as tfds


class Encoded(bytes):
  """What SoundFileAudio has made of audio once; given to it again, it is taken as it is."""


class SoundFileAudio(tfds.features.Tensor):
  """int16 samples [N] of one channel at `sample_rate` Hz, stored as FLAC.

  Takes int16 samples, or the path or bytes of a one-channel file of that rate in any format
  soundfile reads; FLAC is stored as it is. `decoders={"audio": tfds.decode.SkipDecoding()}` gives
  the stored bytes.
  """

  def __init__(self, *, sample_rate: int, doc: str | None = None):
    super().__init__(shape=(None,), dtype=np.int16, doc=doc)
    self.sample_rate = sample_rate

  def get_serialized_info(self) -> tfds.features.TensorInfo:
    return tfds.features.TensorInfo(shape=(), dtype=np.object_)

  def encode_example(self, example_data: np.ndarray | bytes | pathlib.Path) -> Encoded:
    if isinstance(example_data, Encoded):
      return example_data
    if isinstance(example_data, pathlib.Path):
      example_data = example_data.read_bytes()
    if isinstance(example_data, bytes):
      samples = self.decode_example_np(example_data)
      if example_data.startswith(b"fLaC"):
        return Encoded(example_data)
    else:
      samples = example_data
    if samples.dtype != np.int16 or samples.ndim != 1:
      raise ValueError(f"expected int16 samples [N], got {samples.dtype} {list(samples.shape)}")
    file = io.BytesIO()
    soundfile.write(file, samples, self.sample_rate, format="FLAC", subtype="PCM_16")
    return Encoded(file.getvalue())

  def decode_example_np(self, example_data: bytes) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(example_data), dtype="int16")
    if rate != self.sample_rate or samples.ndim != 1:
      raise ValueError(
        f"expected one channel at {self.sample_rate} Hz, got {samples.ndim} channels at {rate} Hz"
      )
    return samples

  @classmethod
  def from_json_content(cls, value: dict) -> "SoundFileAudio":
    return cls(sample_rate=value["sample_rate"])

  def to_json_content(self) -> dict:
    return {"sample_rate": self.sample_rate}


def speech_features(sample_rate: int) -> tfds.features.FeaturesDict:
  """One utterance: audio, its words, who spoke, and a name that is its own."""
  return tfds.features.FeaturesDict(
    {
      "audio": SoundFileAudio(sample_rate=sample_rate),
      "text": tfds.features.Text(),
      "speaker": tfds.features.Text(),
      "id": tfds.features.Text(),
    }
  )
