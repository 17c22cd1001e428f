"""Tables of recordings (CSV, TSV)."""

import contextlib
import csv
import pathlib
from collections.abc import Iterator

from edge_rnnt.inputs.rejected import ManifestError, Rejected
from edge_rnnt.inputs.utterance import Utterance

REQUIRED = ("path", "text")
OPTIONAL = ("speaker", "split", "seconds", "id")


def table_rows(path: pathlib.Path) -> Iterator[Utterance | Rejected]:
  """A table with a header: path and text, and any of speaker, split, seconds and id.

  A row of more fields than the header has is rejected: a comma in its text has cut it in two.
  """
  if path.suffix.lower() not in (".csv", ".tsv"):
    raise ManifestError(f"{path} is no list of recordings: expected .csv, .tsv, .json or .jsonl")
  with rows_of(path) as rows:
    _check_columns(path, rows.fieldnames or [])
    for row in rows:
      if None in row:
        place = f"{path}, line {rows.line_num}"
        yield Rejected(place, "more fields than columns", "a comma (or tab) in an unquoted text?")
      else:
        yield _utterance(path, rows.line_num, row)


@contextlib.contextmanager
def rows_of(path: pathlib.Path) -> Iterator[csv.DictReader]:
  """The rows of a .csv or .tsv file; raises ManifestError where it is no such text."""
  dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if path.suffix.lower() == ".tsv" else {}
  with path.open(encoding="utf-8-sig", newline="") as lines:
    rows = csv.DictReader(lines, **({"strict": True} | dialect))
    try:
      yield rows
    except UnicodeDecodeError as error:
      raise ManifestError(
        f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
      ) from error
    except csv.Error as error:
      raise ManifestError(
        f"{path}, line {rows.reader.line_num}: {error}; is a quotation mark not closed?"
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
