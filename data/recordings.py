"""Any manifest as a prepared TFDS corpus (FLAC in ArrayRecord), without TensorFlow.

A user's folder or list, an extracted Common Voice language, a set of ../shared/data:

  builder, report = from_manifest(folder, name="common_voice_cy", sample_rate=16000, data_dir=...)
  builder.download_and_prepare()
"""

import pathlib
from collections.abc import Iterator

import tensorflow_datasets as tfds

from data.features import speech_features
from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.dataset import to_int16
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.inputs.splits import Splits, split
from edge_rnnt.inputs.utterance import Utterance, read


class Recordings(tfds.core.GeneratorBasedBuilder, skip_registration=True):
  """The utterances of a split manifest, resampled to `sample_rate` Hz.

  Recordings(name=..., splits=split(utterances), sample_rate=8000,
  data_dir=...).download_and_prepare() writes them;
  from then on tfds.builder_from_directory(...).as_data_source(split) is enough.
  """

  VERSION = tfds.core.Version("1.0.0")

  def __init__(self, *, name: str, splits: Splits, sample_rate: int, data_dir: pathlib.Path):
    self.name = name
    self._splits, self._sample_rate = splits, sample_rate
    super().__init__(data_dir=data_dir, file_format="array_record")

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description=f"Recordings of a manifest, split {self._splits.rule}.",
      features=speech_features(self._sample_rate),
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
    splits = self._splits
    return {
      name: self._generate_examples(members)
      for name, members in (("train", splits.train), ("dev", splits.dev), ("test", splits.test))
    }

  def _generate_examples(self, utterances: list[Utterance]) -> Iterator[tuple[str, dict]]:
    for each in utterances:
      yield (
        each.id,
        {
          "audio": to_int16(read(each, self._sample_rate)),
          "text": each.text,
          "speaker": each.speaker,
          "id": each.id,
        },
      )


def from_manifest(
  place: pathlib.Path, *, name: str, sample_rate: int, data_dir: pathlib.Path
) -> tuple[Recordings, ManifestReport]:
  """A builder of everything usable in a manifest, and the report of what is not.

  Every recording is decoded twice, once to be checked. Raises ManifestError for a place that cannot
  be used.
  """
  utterances, listed = read_manifest(place)
  checked = check_audio(utterances, sample_rate, cache_bytes=0)
  splits = split(checked.utterances)
  builder = Recordings(name=name, splits=splits, sample_rate=sample_rate, data_dir=data_dir)
  return builder, listed.then(checked.report)
