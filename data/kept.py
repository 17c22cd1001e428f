"""Recordings kept on disk between runs: a resumed run neither decodes nor synthesizes again."""

import hashlib
import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_rnnt import whole


def kept_path(cache_dir: pathlib.Path, kind: str, made_from: Any) -> pathlib.Path:
  """Where recordings made from this (anything JSON can hold) are kept."""
  digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:24]
  return cache_dir / f"{kind}-{digest}.npz"


def read_kept(path: pathlib.Path) -> dict[str, np.ndarray] | None:
  """int16 recordings by id; None if nothing (or nothing readable) is kept there."""
  try:
    with np.load(path) as file:
      ids, ends = file["ids"].tolist(), np.cumsum(file["lengths"])
      return dict(zip(ids, np.split(file["samples"], ends)[: len(ids)], strict=True))
  except FileNotFoundError:
    return None
  except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
    path.unlink()
    return None


def keep(path: pathlib.Path, recordings: Mapping[str, np.ndarray]) -> None:
  """Writes them so that a killed run leaves either all or nothing."""
  path.parent.mkdir(parents=True, exist_ok=True)
  with whole.writing(path) as file:
    np.savez(
      file,
      ids=np.array(list(recordings), str),
      lengths=np.array([len(each) for each in recordings.values()], np.int64),
      samples=np.concatenate([np.zeros(0, np.int16), *recordings.values()]),
    )
