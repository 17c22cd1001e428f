"""The Free Spoken Digit Dataset (8 kHz, one digit a recording, CC BY-SA 4.0), split by speaker.

SpokenDigitFlac(data_dir=..., file_format="array_record").download_and_prepare() fetches 12 MB and
prepares it; tfds.data_source reads it.
"""

import io
import pathlib
import re
from collections.abc import Iterator

import soundfile
import tensorflow_datasets as tfds

from data.archive import streamed
from data.download import Archive, DownloadError, download
from data.features import speech_features

# Address, size and checksum as in TFDS's own spoken_digit (which needs TensorFlow to read).
ARCHIVE = Archive(
  "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz",
  "8bc44cde129d505cbbb6b365c09f80c663f2aa77578afc634e6141a2f87100c0",
  11975353,
)
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Nobody is in two splits. Speakers of later editions go to train.
SPLIT_OF = {"theo": "test", "lucas": "dev", "yweweler": "dev"}
NAME = re.compile(r".*/recordings/(\d)_([a-z]+)_(\d+)\.wav")
SAMPLE_RATE = 8000


class SpokenDigitFlac(tfds.core.GeneratorBasedBuilder):
  """Spoken digits with our own audio feature: no TensorFlow, to prepare or to read."""

  VERSION = tfds.core.Version("1.0.9")

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description="Free Spoken Digit Dataset: single digits in English, 8 kHz, split by speaker.",
      features=speech_features(SAMPLE_RATE),
      homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
      license="CC BY-SA 4.0",
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
    archive = download(ARCHIVE, pathlib.Path(dl_manager.download_dir))
    found = {SPLIT_OF.get(speaker, "train") for _, speaker, _, _ in recordings(archive)}
    missing = {"train", "dev", "test"} - found
    if missing:
      raise DownloadError(
        f"{archive} has no recordings for {', '.join(sorted(missing))}: expected files named "
        "recordings/<digit>_<speaker>_<number>.wav of several speakers"
      )
    return {split: self._generate_examples(archive, split) for split in ("train", "dev", "test")}

  def _generate_examples(self, archive: pathlib.Path, split: str) -> Iterator[tuple[str, dict]]:
    for name, speaker, digit, wav in recordings(archive):
      if SPLIT_OF.get(speaker, "train") == split:
        samples, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
        text = WORDS[digit]
        yield name, {"audio": samples, "text": text, "speaker": speaker, "id": name}


def recordings(archive: pathlib.Path) -> Iterator[tuple[str, str, int, bytes]]:
  """(name, speaker, digit, bytes of the WAV file) of each recording.

  Raises DownloadError for a damaged archive, naming it.
  """
  for path, wav in streamed(archive, lambda name: NAME.fullmatch(name) is not None):
    digit, speaker, number = NAME.fullmatch(path).groups()
    yield f"{digit}_{speaker}_{number}", speaker, int(digit), wav
