"""LibriSpeech (Panayotov et al. 2015; 16 kHz, read books, CC BY 4.0) without TensorFlow.

  python -m data.librispeech --subset=clean100 --data_dir=DIR

or, from Python,

  builder = LibriSpeechFlac(config="clean100", data_dir=..., file_format="array_record")
  builder.download_and_prepare()

streams the official archives: nothing is extracted, and FLAC is kept as it was published. Archives
that are in the download folder already are taken (after their checksum), so they can be put there
by hand. A folder that somebody extracted can be used too: `extracted=FOLDER` (the one that holds
dev-clean, train-clean-100, ...). Splits have the names of TFDS's own builder.
"""

import pathlib
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import ClassVar

import rich.progress
import soundfile
import tensorflow_datasets as tfds
from absl import app, flags

from data.archive import streamed
from data.download import Archive, DownloadError, download
from data.features import speech_features

SAMPLE_RATE = 16000
ADDRESS = "http://www.openslr.org/resources/12"
# Sizes and checksums as TFDS's own builder (which needs TensorFlow) records them.
PUBLISHED = {
  "dev-clean": (
    337926286, "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
  ),
  "dev-other": (
    314305928, "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
  ),
  "test-clean": (
    346663984, "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
  ),
  "test-other": (
    328757843, "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
  ),
  "train-clean-100": (
    6387309499, "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
  ),
  "train-clean-360": (
    23049477885, "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
  ),
  "train-other-500": (
    30593501606, "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
  ),
}  # fmt: skip
ARCHIVES = {
  name: Archive(f"{ADDRESS}/{name}.tar.gz", sha256, size)
  for name, (size, sha256) in PUBLISHED.items()
}
HELD_OUT = ("dev-clean", "dev-other", "test-clean", "test-other")
SUBSETS = {
  "clean100": ("train-clean-100", *HELD_OUT),
  "clean460": ("train-clean-100", "train-clean-360", *HELD_OUT),
  "all960": ("train-clean-100", "train-clean-360", "train-other-500", *HELD_OUT),
  "held_out": HELD_OUT,
}


def split_name(subset: str) -> str:
  """ "train-clean-100" -> "train_clean100", as TFDS's own builder has it."""
  head, _, hours = subset.replace("-", "_").rpartition("_")
  return f"{head}{hours}" if hours.isdigit() else f"{head}_{hours}"


class LibriSpeechFlac(tfds.core.GeneratorBasedBuilder):
  """LibriSpeech with our own audio feature: no TensorFlow, to prepare or to read."""

  VERSION = tfds.core.Version("1.0.0")
  BUILDER_CONFIGS: ClassVar = [
    tfds.core.BuilderConfig(name=name, description=f"{', '.join(subsets)}.")
    for name, subsets in SUBSETS.items()
  ]

  def __init__(self, *, extracted: pathlib.Path | None = None, **options):
    self._extracted = extracted
    super().__init__(**options)

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description="LibriSpeech: read English books, 16 kHz.",
      features=speech_features(SAMPLE_RATE),
      homepage="https://www.openslr.org/12",
      license="CC BY 4.0",
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
    places = {name: self._place(name, dl_manager) for name in SUBSETS[self.builder_config.name]}
    return {split_name(name): self._generate_examples(place) for name, place in places.items()}

  def _place(self, subset: str, dl_manager: tfds.download.DownloadManager) -> pathlib.Path:
    if self._extracted is None:
      folder = pathlib.Path(dl_manager.download_dir)
      with rich.progress.Progress(*_columns()) as shown:
        task = shown.add_task(ARCHIVES[subset].name, visible=False)
        return download(
          ARCHIVES[subset],
          folder,
          progress=lambda done, size: shown.update(task, completed=done, total=size, visible=True),
        )
    folder = self._extracted / subset
    if not folder.is_dir():
      raise DownloadError(
        f"{self._extracted} has no folder {subset}: expected the one that holds "
        f"{', '.join(SUBSETS[self.builder_config.name])}"
      )
    return folder

  def _generate_examples(self, place: pathlib.Path) -> Iterator[tuple[str, dict]]:
    files = folder_files(place) if place.is_dir() else archive_files(place)
    for name, text, flac in utterances(files, place):
      try:
        audio = self.info.features["audio"].encode_example(flac)
      except (soundfile.LibsndfileError, ValueError) as error:
        problem = getattr(error, "error_string", error)
        raise DownloadError(f"{place}: {name}.flac is broken: {problem}") from error
      yield name, {"audio": audio, "text": text, "speaker": name.partition("-")[0], "id": name}


def _columns() -> tuple[rich.progress.ProgressColumn, ...]:
  return (
    rich.progress.TextColumn("{task.description}"),
    rich.progress.BarColumn(),
    rich.progress.DownloadColumn(),
    rich.progress.TimeRemainingColumn(),
  )


def archive_files(archive: pathlib.Path) -> Iterator[tuple[str, bytes]]:
  """(name, content) of the recordings and transcripts of an archive, streamed.

  Raises DownloadError for a damaged one, naming it.
  """
  for path, content in streamed(archive, lambda path: _is_wanted(pathlib.PurePosixPath(path))):
    yield pathlib.PurePosixPath(path).name, content


def _is_wanted(path: pathlib.PurePath) -> bool:
  """Some systems put a hidden file beside each."""
  return path.name.endswith((".flac", ".trans.txt")) and not path.name.startswith(".")


def folder_files(folder: pathlib.Path) -> Iterator[tuple[str, bytes]]:
  """The same of an extracted subset, chapter by chapter."""
  for transcript in filter(_is_wanted, sorted(folder.rglob("*.trans.txt"))):
    yield transcript.name, transcript.read_bytes()
    for flac in filter(_is_wanted, sorted(transcript.parent.glob("*.flac"))):
      yield flac.name, flac.read_bytes()


def utterances(
  files: Iterable[tuple[str, bytes]], place: pathlib.Path
) -> Iterator[tuple[str, str, bytes]]:
  """(id, text, FLAC bytes); a chapter's transcript may come before, between or after its sound.

  Text is lower case. Raises DownloadError if sound and transcripts do not belong to each other, or
  if there are none.
  """
  texts: dict[str, str] = {}
  waiting: dict[str, bytes] = {}
  count = 0
  for name, content in files:
    if name.endswith(".flac"):
      waiting[name.removesuffix(".flac")] = content
      said = {}
    else:
      said = _transcript(content, place / name)
      texts |= said
    ready = said if said else {name.removesuffix(".flac")}
    for each in sorted(set(ready) & set(waiting) & set(texts)):
      count += 1
      yield each, texts.pop(each), waiting.pop(each)
  if waiting or texts or not count:
    lost = f"for example {min([*waiting, *texts])}" if waiting or texts else "nothing at all"
    raise DownloadError(
      f"{place} does not hold what LibriSpeech has: {count} utterances, {len(waiting)} recordings "
      f"without text, {len(texts)} texts without a recording; {lost}"
    )


def _transcript(content: bytes, path: pathlib.Path) -> dict[str, str]:
  """Lines of "<speaker>-<chapter>-<number> <TEXT>"."""
  try:
    lines = content.decode("utf-8").splitlines()
  except UnicodeDecodeError as error:
    raise DownloadError(f"{path} is no transcript of LibriSpeech: {error}") from error
  said = {}
  for line in filter(str.strip, lines):
    name, *words = line.lower().split()
    if not words:
      raise DownloadError(f"{path} is no transcript of LibriSpeech: {name} has no words")
    said[name] = " ".join(words)
  return said


def main() -> None:
  """The command line."""
  subset = flags.DEFINE_enum("subset", "clean100", list(SUBSETS), "Which hours of it.")
  data_dir = flags.DEFINE_string("data_dir", None, "Where to write.", required=True)
  extracted = flags.DEFINE_string(
    "extracted", None, "Folder of the extracted archives, in place of a download (LibriSpeech/)."
  )
  archives = flags.DEFINE_string(
    "archives",
    None,
    "Folder for the archives; those that are there are taken, if they are the published ones "
    "(DATA_DIR/downloads).",
  )

  def run(argv: list[str]) -> None:
    if len(argv) > 1:
      raise app.UsageError(f"unknown arguments {argv[1:]}: options begin with --, see --help")
    builder = LibriSpeechFlac(
      config=subset.value,
      data_dir=data_dir.value,
      file_format="array_record",
      extracted=pathlib.Path(extracted.value) if extracted.value else None,
    )
    try:
      builder.download_and_prepare(download_dir=archives.value)
    except (DownloadError, OSError) as error:
      sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
      print("Stopped. Finished downloads are kept; the same command goes on.", file=sys.stderr)
      sys.exit(128 + signal.SIGINT)
    for name, split in builder.info.splits.items():
      print(f"{name}: {split.num_examples} utterances")
    if subset.value != "held_out":
      print(f"\nTrain on it:\n  python -m experiments.librispeech --data_dir={builder.data_path}")

  app.run(run)


if __name__ == "__main__":
  main()
