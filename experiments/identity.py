"""What a workdir remembers of the run that began in it, so that no other goes on there."""

import json
import pathlib

from ml_collections import ConfigDict

from data.corpora import Corpora
from edge_rnnt import whole
from experiments import same_run


class OtherRun(ValueError):
  """A workdir holds a run that cannot be continued by this one."""


def remember(config: ConfigDict, corpora: Corpora, workdir: pathlib.Path) -> None:
  """Writes config.json. Raises OtherRun if the folder holds a run of another config or speech.

  Keys that came after the run began count as their defaults, and a run may be moved together with
  the one that it began with (same_run.py).
  """
  counts = {name: len(source) for name, source in corpora.train.items()}
  speech = {"kind": corpora.kind, "training_utterances": counts}
  path, now = workdir / "config.json", json.loads(config.to_json_best_effort()) | {"speech": speech}
  if path.exists():
    others = same_run.differing(json.loads(path.read_text()), now, workdir)
    if others:
      raise OtherRun(
        f"{workdir} holds another run ({', '.join(others)} differ): give another --workdir, or "
        "remove that folder"
      )
  whole.write_text(path, json.dumps(now, indent=2))


def begun_with(workdir: pathlib.Path) -> str | None:
  """The kind of speech that a run in this folder began with, if one did."""
  path = workdir / "config.json"
  return json.loads(path.read_text())["speech"]["kind"] if path.exists() else None
