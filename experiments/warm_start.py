"""config.start_from = "WORKDIR:NAME": a run that begins with the weights another run kept.

Word-pieces and front end come from that run too: what its weights mean depends on them. Optimizer
and masks are new.
"""

import base64
import dataclasses
import json
import pathlib

from ml_collections import ConfigDict

from edge_rnnt import whole
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.text.wordpiece import WordPieces
from edge_rnnt.train.warm_start import Weights, read_weights


@dataclasses.dataclass(frozen=True)
class Start:
  """What a run takes over from another."""

  place: str
  front_end: FrontEnd
  pieces: WordPieces
  weights: Weights


def keep_speech(front_end: FrontEnd, pieces: WordPieces, workdir: pathlib.Path) -> None:
  """Writes what a later run needs beside the weights: `workdir`/speech.json."""
  content = {
    "front_end": front_end.to_json(),
    "word_pieces": base64.b64encode(pieces.model).decode(),
  }
  whole.write_text(workdir / "speech.json", json.dumps(content))


def read(config: ConfigDict) -> Start | None:
  """What config.start_from names; None if it names nothing.

  Raises ValueError if there is no such run, or the model or front end of the config is another;
  CheckpointError if it has not kept the state.
  """
  if not config.start_from:
    return None
  folder, separator, name = config.start_from.rpartition(":")
  if not separator or not folder or not name:
    raise ValueError(
      f"start_from is WORKDIR:NAME, a run and a state it kept (runs/baseline:dense); "
      f"got {config.start_from!r}"
    )
  workdir = pathlib.Path(folder)
  settings, speech = (_read_json(workdir / each) for each in ("config.json", "speech.json"))
  front_end = FrontEnd.from_json(speech["front_end"])
  own_model = json.loads(config.model.to_json_best_effort())
  own_front_end = json.loads(config.front_end.to_json_best_effort())
  theirs = settings["model"] | {name: getattr(front_end, name) for name in own_front_end}
  others = [
    f"{key} is {value!r} here and {theirs.get(key)!r} there"
    for key, value in (own_model | own_front_end).items()
    if theirs.get(key) != value
  ]
  if others:
    raise ValueError(f"cannot start from {config.start_from}: {', '.join(others)}")
  pieces = WordPieces(base64.b64decode(speech["word_pieces"]))
  return Start(config.start_from, front_end, pieces, read_weights(workdir / "checkpoints", name))


def _read_json(path: pathlib.Path) -> dict:
  if not path.is_file():
    raise ValueError(
      f"cannot start from {path.parent}: it has no {path.name}. Is it the --workdir of a run that "
      "got as far as keeping a state? (One made by an older version gets it when run again.)"
    )
  return json.loads(path.read_text(encoding="utf-8"))
