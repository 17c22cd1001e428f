"""A user's folder or table of recordings -> a list of utterances."""

import csv
import dataclasses
import pathlib
from collections.abc import Iterator

from edge_rnnt.audio.files import AUDIO_SUFFIXES
from edge_rnnt.inputs.rejected import ManifestReport, Rejected

REQUIRED = ("path", "text")
OPTIONAL = ("speaker", "split", "seconds", "id")


@dataclasses.dataclass(frozen=True)
class Utterance:
  """One recording and its words. Empty `speaker` or `split`: not given. `seconds` is None until
  measured.
  """

  id: str
  path: pathlib.Path
  text: str
  speaker: str = ""
  split: str = ""
  seconds: float | None = None


class ManifestError(ValueError):
  """The manifest as a whole cannot be used; the message says what was expected."""


def read_manifest(path: pathlib.Path) -> tuple[list[Utterance], ManifestReport]:
  """Reads a folder of audio with same-named .txt, a .csv or .tsv file, or a folder with `<its
  name>.tsv`.

  A table has a header with the columns path and text, and any of speaker, split, seconds and id;
  other columns are ignored. Paths are relative to the table's folder. Raises ManifestError if the
  source as a whole is unusable; single bad entries (missing file, empty transcript, a second use of
  an id) go into the report.
  """
  path = pathlib.Path(path)
  if path.is_file():
    rows = _table_rows(path)
  elif (path / f"{path.name}.tsv").is_file():
    rows = _table_rows(path / f"{path.name}.tsv")
  elif path.is_dir():
    rows = _folder_rows(path)
  else:
    raise ManifestError(
      f"no data at {path}: expected a folder of audio files with same-named .txt files, "
      "or a .csv or .tsv file"
    )
  utterances, rejected, seen = [], [], set()
  for row in rows:
    problem = _problem(row, seen)
    if problem:
      rejected.append(problem)
    else:
      seen.add(row.id)
      utterances.append(row)
  if not utterances and not rejected:
    raise ManifestError(
      f"{path} holds no recordings: expected {', '.join(sorted(AUDIO_SUFFIXES))} files"
    )
  return utterances, ManifestReport(len(utterances), tuple(rejected))


def _problem(row: Utterance, seen: set[str]) -> Rejected | None:
  if not row.path.is_file():
    return Rejected(str(row.path), "missing file")
  if not row.text:
    return Rejected(str(row.path), "empty transcript")
  if row.id in seen:
    return Rejected(str(row.path), "id used twice", row.id)
  return None


def _folder_rows(folder: pathlib.Path) -> Iterator[Utterance]:
  for audio in sorted(each for each in folder.rglob("*") if each.suffix.lower() in AUDIO_SUFFIXES):
    transcript = audio.with_suffix(".txt")
    text = transcript.read_text(encoding="utf-8") if transcript.is_file() else ""
    name = audio.relative_to(folder).with_suffix("").as_posix()
    # A folder level above the files is the speaker, as LibriSpeech and most private collections
    # have it.
    speaker = name.split("/")[0] if "/" in name else ""
    yield Utterance(name, audio, " ".join(text.split()), speaker)


def _table_rows(path: pathlib.Path) -> Iterator[Utterance]:
  if path.suffix.lower() not in (".csv", ".tsv"):
    raise ManifestError(f"{path} is not a .csv or .tsv file")
  dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if path.suffix.lower() == ".tsv" else {}
  try:
    with path.open(encoding="utf-8-sig", newline="") as lines:
      rows = csv.DictReader(lines, **dialect)
      _check_columns(path, rows.fieldnames or [])
      for row in rows:
        yield _utterance(path, rows.line_num, row)
  except UnicodeDecodeError as error:
    raise ManifestError(
      f"{path} is not UTF-8 text ({error.reason} at byte {error.start})"
    ) from error


def _check_columns(path: pathlib.Path, columns: list[str]) -> None:
  missing = [column for column in REQUIRED if column not in columns]
  if missing:
    raise ManifestError(
      f"{path} has no column {' and '.join(missing)}: its first line names "
      f"{', '.join(columns) or 'nothing'}; expected {', '.join(REQUIRED)} and optionally "
      f"{', '.join(OPTIONAL)}"
    )


def _utterance(table: pathlib.Path, line: int, row: dict[str, str | None]) -> Utterance:
  field = {column: (row.get(column) or "").strip() for column in REQUIRED + OPTIONAL}
  if not field["path"]:
    raise ManifestError(f"{table}, line {line}: the path is empty")
  try:
    seconds = float(field["seconds"]) if field["seconds"] else None
  except ValueError:
    raise ManifestError(
      f"{table}, line {line}: seconds is {field['seconds']!r}, not a number"
    ) from None
  return Utterance(
    id=field["id"] or pathlib.PurePath(field["path"]).with_suffix("").as_posix(),
    path=table.parent / field["path"],
    text=" ".join(field["text"].split()),
    speaker=field["speaker"],
    split=field["split"].lower(),
    seconds=seconds,
  )
