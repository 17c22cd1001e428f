"""A user's folder or list of recordings, in any of the usual forms -> utterances."""

import dataclasses
import pathlib
from collections.abc import Iterator

from edge_rnnt.audio.files import AUDIO_SUFFIXES
from edge_rnnt.inputs.manifest_folder import common_voice_rows, folder_rows, is_common_voice
from edge_rnnt.inputs.manifest_json import is_json, json_rows
from edge_rnnt.inputs.manifest_kaldi import is_kaldi, kaldi_rows
from edge_rnnt.inputs.manifest_table import table_rows
from edge_rnnt.inputs.rejected import (
  ManifestError,
  ManifestReport,
  Rejected,
  printable,
)
from edge_rnnt.inputs.utterance import Utterance

EXPECTED = (
  "a folder of audio files with same-named .txt files (or as LibriSpeech or Common Voice lie), a "
  ".csv or .tsv file, a Kaldi data directory (wav.scp, text), a NeMo manifest (.json), or lhotse "
  "cuts (.jsonl, .jsonl.gz)"
)


def read_manifest(path: pathlib.Path) -> tuple[list[Utterance], ManifestReport]:
  """Reads a folder of audio with same-named .txt (or a LibriSpeech or Common Voice folder), a .csv
  or .tsv file (or a folder with `<its name>.tsv`), a Kaldi data directory, a NeMo manifest, or
  lhotse cuts.

  A table has a header with the columns path and text, and any of speaker, split, seconds and id;
  other columns are ignored. Paths are relative to the table's folder. Raises ManifestError if the
  source as a whole, or all of it, is unusable; single bad entries (missing file, empty transcript,
  a second use of an id) go into the report.
  """
  path = pathlib.Path(path)
  utterances, rejected, seen = [], [], set()
  for row in _rows(path):
    if isinstance(row, Utterance):  # names of files may hold bytes that are no text
      row = dataclasses.replace(row, id=printable(row.id), speaker=printable(row.speaker))
    problem = row if isinstance(row, Rejected) else _problem(row, seen)
    if problem:
      rejected.append(problem)
    else:
      seen.add(row.id)
      utterances.append(row)
  if not utterances and not rejected:
    named = f"{', '.join(sorted(AUDIO_SUFFIXES))} files" if path.is_dir() else "some in its lines"
    raise ManifestError(f"{path} holds no recordings: expected {named}")
  report = ManifestReport(len(utterances), tuple(rejected))
  report.require_some(path)
  return utterances, report


def _rows(path: pathlib.Path) -> Iterator[Utterance | Rejected]:
  if path.is_file():
    return json_rows(path) if is_json(path) else table_rows(path)
  if (path / f"{path.name}.tsv").is_file():
    return table_rows(path / f"{path.name}.tsv")
  if is_kaldi(path):
    return kaldi_rows(path)
  if is_common_voice(path):
    return common_voice_rows(path)
  if path.is_dir():
    return folder_rows(path)
  raise ManifestError(f"no data at {path}: expected {EXPECTED}")


def _problem(row: Utterance, seen: set[str]) -> Rejected | None:
  try:
    if not row.path.is_file():
      return Rejected(row.where, "missing file")
  except OSError as error:
    return Rejected(row.where, "missing file", error.strerror or "")
  if not row.text:
    return Rejected(row.where, "empty transcript")
  try:
    row.text.encode()
  except UnicodeEncodeError:  # as JSON can write it
    return Rejected(row.where, "transcript is not UTF-8 text", row.text[:80])
  if row.id in seen:
    return Rejected(row.where, "id used twice", row.id)
  return None
