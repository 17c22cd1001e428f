"""The model that the package ships, for those who name none."""

import importlib.resources
from pathlib import Path

FOLDER = "models"
SUFFIX = ".edge"


class Unready(ValueError):
  """What a recognizer is made of is missing; the message says what to do."""


def folder() -> Path:
  """Where the package keeps its model, and the card beside it."""
  return Path(str(importlib.resources.files("edge_rnnt.device") / FOLDER))


def default_model(place: Path | None = None) -> Path:
  """The one device file in the package's folder of models (or in another); raises Unready."""
  found = sorted((place or folder()).glob(f"*{SUFFIX}"))
  if len(found) == 1:
    return found[0]
  if found:
    raise Unready(f"name one with --model: {', '.join(map(str, found))}")
  raise Unready(
    "name a device file with --model FILE: this package ships none. Training writes them:"
    " python -m experiments.quickstart leaves some in runs/quickstart/models"
  )
