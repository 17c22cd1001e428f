"""Speech Commands v0.02 (Warden 2018; 16 kHz, one word a recording, CC BY 4.0) without TensorFlow.

SpeechCommandsFlac(data_dir=..., file_format="array_record").download_and_prepare() streams the
published archive (2.4 GB), or takes it from the download folder. Text is the word; the splits are
the archive's own lists, which part people. Its background recordings are no utterances: extract
_background_noise_ and name that folder as config.augmentation.noises.
"""

import io
import pathlib
from collections.abc import Iterator

import soundfile
import tensorflow_datasets as tfds

from data.archive import streamed
from data.download import Archive, DownloadError, download
from data.features import speech_features

SAMPLE_RATE = 16000
# Address, size and checksum as in TFDS's own speech_commands (which needs TensorFlow to read).
ARCHIVE = Archive(
  "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
  "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
  2428923189,
)
LISTS = {"validation_list.txt": "dev", "testing_list.txt": "test"}
NOT_WORDS = "_background_noise_"


class SpeechCommandsFlac(tfds.core.GeneratorBasedBuilder):
  """Speech Commands with our own audio feature: all 35 words, with their speakers."""

  VERSION = tfds.core.Version("0.0.2")

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description="Speech Commands v0.02: single words in English, 16 kHz.",
      features=speech_features(SAMPLE_RATE),
      homepage="https://arxiv.org/abs/1804.03209",
      license="CC BY 4.0",
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
    archive = download(ARCHIVE, pathlib.Path(dl_manager.download_dir))
    split_of = listed_splits(archive)
    return {
      split: self._generate_examples(archive, split_of, split) for split in ("train", "dev", "test")
    }

  def _generate_examples(
    self, archive: pathlib.Path, split_of: dict[str, str], split: str
  ) -> Iterator[tuple[str, dict]]:
    for name, wav in files(archive):
      if name.endswith(".wav") and split_of.get(name, "train") == split:
        word, file = name.split("/")
        # <hash of the speaker>_nohash_<number>.wav
        speaker = file.partition("_nohash_")[0]
        samples, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
        yield name, {"audio": samples, "text": word, "speaker": speaker, "id": name[: -len(".wav")]}


def listed_splits(archive: pathlib.Path) -> dict[str, str]:
  """Name of a recording -> dev or test; those named nowhere are for training.

  Raises DownloadError for an archive without its lists.
  """
  split_of, found = {}, set()
  for name, content in files(archive):
    if name in LISTS:
      found.add(name)
      split_of |= dict.fromkeys(content.decode().split(), LISTS[name])
  if found != set(LISTS):
    raise DownloadError(
      f"{archive} has no {' and '.join(sorted(set(LISTS) - found))}: it is not the archive of "
      "Speech Commands v0.02"
    )
  return split_of


def files(archive: pathlib.Path) -> Iterator[tuple[str, bytes]]:
  """(name, content) of the words' recordings and the lists."""
  return streamed(archive, _is_ours)


def _is_ours(name: str) -> bool:
  folder, _, file = name.partition("/")
  return name in LISTS or (folder != NOT_WORDS and file.endswith(".wav") and "/" not in file)
