"""The audio that a comparison is made on: named files, lists with texts, or a run's own samples."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_rnnt.audio.files import AUDIO_SUFFIXES, read_audio
from edge_rnnt.inputs.manifest import read_manifest


class Spoken(NamedTuple):
  """An utterance; text is None where nobody says what it is."""

  name: str
  samples: np.ndarray
  text: str | None


def find(paths: Sequence[str], run: Path, sample_rate: int) -> list[Spoken]:
  """Audio files (with a .txt beside them, if their text is known), folders and lists of them.

  Without paths, the samples that a run keeps, whose texts stand in its hypotheses. Raises
  ValueError (ManifestError, AudioError) for what cannot be read, or if there is nothing.
  """
  found = [each for path in paths for each in _entries(Path(path))]
  if not paths and run.is_dir():
    texts = _texts(run)
    found = [(path, texts.get(path.stem)) for path in sorted((run / "samples").glob("*.wav"))]
  if not found:
    raise ValueError(f"no audio to compare on: name files, or a run with samples (not {run})")
  return [Spoken(path.name, read_audio(path, sample_rate), text) for path, text in found]


def _entries(path: Path) -> list[tuple[Path, str | None]]:
  if path.suffix.lower() in AUDIO_SUFFIXES:
    said = path.with_suffix(".txt")
    return [(path, said.read_text(encoding="utf-8").strip() if said.is_file() else None)]
  utterances, report = read_manifest(path)
  if report.rejected:
    raise ValueError(f"{path}: {report}")
  return [(each.path, each.text) for each in utterances]


def _texts(run: Path) -> dict[str, str]:
  """What was said, by the name of a sample's file."""
  found = {}
  for path in sorted((run / "hypotheses").glob("*.tsv")):
    with open(path, encoding="utf-8", newline="") as lines:
      for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        found[row["id"].replace("/", "_")] = row["reference"]
  return found
