"""A Kaldi data directory: wav.scp, text, and utt2spk and segments where they exist."""

import collections
import pathlib
from collections.abc import Iterator

from edge_rnnt.inputs.rejected import ManifestError, Rejected
from edge_rnnt.inputs.utterance import Utterance


def is_kaldi(folder: pathlib.Path) -> bool:
  return (folder / "wav.scp").is_file()


def kaldi_rows(folder: pathlib.Path) -> Iterator[Utterance | Rejected]:
  """An utterance of every line of `segments`, or of `wav.scp` if there are no segments.

  wav.scp names files; a line that ends in "|" is a command, which is never run: ManifestError says
  to write its output into files first. Relative paths are looked for from the directory upwards,
  since recipes write them relative to where they are run. An utterance that `text` doesn't name
  has an empty transcript, one that only `text` names is rejected; one without a speaker in utt2spk
  is spoken by nobody known.
  """
  if not (folder / "text").is_file():
    raise ManifestError(f"{folder} is a Kaldi data directory (wav.scp) without its file text")
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
  segments = _table(folder / "segments") if (folder / "segments").is_file() else None
  for name in files if segments is None else segments:
    said = {"text": texts.pop(name, ""), "speaker": speakers.get(name, "")}
    if segments is None:
      yield Utterance(name, files[name], **said)
    else:
      yield _segment(folder / "segments", name, segments[name], files, said)
  yield from (Rejected(name, "transcript without audio", str(folder / "text")) for name in texts)


def _table(path: pathlib.Path) -> dict[str, str]:
  """First word of each line -> the rest, white space as one space; each first word once."""
  try:
    lines = path.read_text(encoding="utf-8-sig").split("\n")
  except UnicodeDecodeError as error:
    raise ManifestError(
      f"{path} is not UTF-8 text ({error.reason} at byte {error.start})"
    ) from error
  split = [line.split(maxsplit=1) for line in lines if line.strip()]
  table = {first: " ".join("".join(rest).split()) for first, *rest in split}
  if len(table) < len(split):
    (twice, _), *_ = collections.Counter(first for first, *_ in split).most_common()
    raise ManifestError(f"{path} names {twice} more than once: which line is meant?")
  return table


def _segment(
  table: pathlib.Path,
  name: str,
  segment: str,
  files: dict[str, pathlib.Path],
  said: dict[str, str],
) -> Utterance:
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
  return Utterance(
    id=name,
    path=files[recording],
    seconds=None if stop == -1 else stop - start,
    start=start,
    channel=None if side == -1 else side,
    segment=True,
    **said,
  )


def _find(folder: pathlib.Path, place: str) -> pathlib.Path:
  path = pathlib.Path(place)
  if path.is_absolute():
    return path
  for base in (folder, *folder.resolve().parents):
    if (base / path).is_file():
      return base / path
  return folder / path
