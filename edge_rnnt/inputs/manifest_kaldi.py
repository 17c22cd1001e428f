"""A Kaldi data directory: wav.scp, text, and utt2spk and segments where they exist."""

import pathlib
from collections.abc import Iterator

from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.utterance import Utterance


def is_kaldi(folder: pathlib.Path) -> bool:
  return (folder / "wav.scp").is_file() and (folder / "text").is_file()


def kaldi_rows(folder: pathlib.Path) -> Iterator[Utterance]:
  """An utterance of every line of `segments`, or of `wav.scp` if there are no segments.

  wav.scp names files; a line that ends in "|" is a command, which is never run: ManifestError says
  to write its output into files first. Relative paths are looked for from the directory upwards,
  since recipes write them relative to where they are run. An utterance that `text` doesn't name
  has an empty transcript; one without a speaker in utt2spk is spoken by nobody known.
  """
  recordings = _table(folder / "wav.scp")
  texts, speakers = _table(folder / "text"), {}
  if (folder / "utt2spk").is_file():
    speakers = _table(folder / "utt2spk")
  for name, place in recordings.items():
    if place.rstrip().endswith("|"):
      raise ManifestError(
        f"{folder / 'wav.scp'}: {name} is the output of a command ({place}), and commands in data "
        "are not run here: write the audio into files and name those"
      )
  files = {name: _find(folder, place) for name, place in recordings.items()}
  if not (folder / "segments").is_file():
    for name, path in files.items():
      yield Utterance(name, path, texts.get(name, ""), speakers.get(name, ""))
    return
  for name, segment in _table(folder / "segments").items():
    path, start, seconds, channel = _segment(folder / "segments", name, segment, files)
    yield Utterance(
      id=name,
      path=path,
      text=texts.get(name, ""),
      speaker=speakers.get(name, ""),
      seconds=seconds,
      start=start,
      channel=channel,
      segment=True,
    )


def _table(path: pathlib.Path) -> dict[str, str]:
  """First word of each line -> the rest, white space as one space."""
  try:
    lines = path.read_text(encoding="utf-8").splitlines()
  except UnicodeDecodeError as error:
    raise ManifestError(
      f"{path} is not UTF-8 text ({error.reason} at byte {error.start})"
    ) from error
  split = [line.split(maxsplit=1) for line in lines if line.strip()]
  return {first: " ".join("".join(rest).split()) for first, *rest in split}


def _segment(
  table: pathlib.Path, name: str, segment: str, files: dict[str, pathlib.Path]
) -> tuple[pathlib.Path, float, float | None, int | None]:
  """Kaldi's extract-segments: an end of -1 is that of the file; a channel may follow."""
  try:
    recording, begin, end, *channel = segment.split()
    start, stop = float(begin), float(end)
    (side,) = map(int, channel or [-1])
  except ValueError:
    raise ManifestError(
      f"{table}: {name} has {segment!r}, expected a recording, its begin and its end in seconds, "
      "and perhaps a channel"
    ) from None
  if recording not in files:
    raise ManifestError(f"{table}: {name} is of the recording {recording}, which wav.scp lacks")
  seconds = None if stop == -1 else stop - start
  return files[recording], start, seconds, None if side == -1 else side


def _find(folder: pathlib.Path, place: str) -> pathlib.Path:
  path = pathlib.Path(place)
  if path.is_absolute():
    return path
  for base in (folder, *folder.resolve().parents):
    if (base / path).is_file():
      return base / path
  return folder / path
