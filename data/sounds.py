"""What training speech is put into: background recordings and rooms, from a folder or a list."""

import csv
import pathlib

import numpy as np

from data.at_hand import BESIDE_REPOSITORY
from edge_rnnt.audio.files import AUDIO_SUFFIXES, AudioError, read_audio
from edge_rnnt.inputs.rejected import ManifestError

AT_HAND = "at hand"
"""Stands for the set of that kind in ../shared/data; nothing, said aloud, where there is none."""


def sounds(place: str, kind: str, sample_rate: int) -> tuple[np.ndarray, ...]:
  """The recordings of a folder, or of a CSV or TSV with a column `path`, float32 at `sample_rate`.

  place: "" for none, or AT_HAND for ../shared/data/`kind` (noise, rir). Raises ManifestError for a
  place that holds none, and for a recording that cannot be used, naming it.
  """
  if not place:
    return ()
  if place == AT_HAND:
    if not (BESIDE_REPOSITORY / kind).is_dir():
      print(f"No recordings of {kind} are at hand: {BESIDE_REPOSITORY / kind}", flush=True)
      return ()
    place = str(BESIDE_REPOSITORY / kind)
  found = []
  for path in _files(pathlib.Path(place)):
    try:
      samples = read_audio(path, sample_rate)
    except AudioError as error:
      raise ManifestError(f"recordings of the kind {kind}: {error}") from error
    if not np.any(samples):
      raise ManifestError(f"{path} is silent: it cannot serve as {kind}, take it out")
    found.append(samples)
  return tuple(found)


def _files(place: pathlib.Path) -> list[pathlib.Path]:
  if place.is_file():
    files = _listed(place)
  elif place.is_dir():
    files = sorted(each for each in place.rglob("*") if each.suffix.lower() in AUDIO_SUFFIXES)
  else:
    raise ManifestError(f"no recordings at {place}: expected a folder, or a CSV or TSV of paths")
  if not files:
    raise ManifestError(f"{place} holds no recordings: expected {', '.join(AUDIO_SUFFIXES)} files")
  return files


def _listed(table: pathlib.Path) -> list[pathlib.Path]:
  dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if table.suffix.lower() == ".tsv" else {}
  with table.open(encoding="utf-8-sig", newline="") as file:
    rows = csv.DictReader(file, **dialect)
    if "path" not in (rows.fieldnames or ()):
      raise ManifestError(f"{table} has no column path: its first line names {rows.fieldnames}")
    return [table.parent / row["path"] for row in rows]
