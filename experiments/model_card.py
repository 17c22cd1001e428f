r"""Makes a run's device file the one that the package ships, with its model card.

  python -m experiments.model_card runs/study/edge-70%-0 --model=pruned-integer

Copies the file into edge_rnnt/device/models in place of any other, and writes MODEL_CARD.md and
TRAINING.json (the configs of the run and of those that it began with) beside it. All numbers are
those of the run's results.json: run it again when that changes. From then on
`edge-rnnt-transcribe a.wav` needs no --model.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from data.licences import caveats, licences
from edge_rnnt import whole
from edge_rnnt.device import models
from edge_rnnt.device.container import ContainerError, read
from edge_rnnt.report import card, hypotheses, results

MOST_BYTES = 2_000_000
CARD, TRAINING = "MODEL_CARD.md", "TRAINING.json"


class NoModel(ValueError):
  """What can't be shipped, and why."""


def ship(run: pathlib.Path, name: str, folder: pathlib.Path) -> pathlib.Path:
  """Fills `folder`; returns the device file in it.

  Raises NoModel for a name that the results don't have, or a file above 2 MB; ResultsError for
  results that can't be read or aren't those of their hypotheses; ContainerError for a bad file.
  """
  found = results.load(run / "results.json")
  rows = {row.name: row for row in found.main_rows}
  if name not in rows:
    raise NoModel(f"--model={name}: {run} has {', '.join(rows)}")
  hypotheses.check(found, run)
  row = rows[name]
  source = run / row.device_file
  container, content = read(source), source.read_bytes()
  if not len(content) == row.bytes <= MOST_BYTES:
    raise NoModel(
      f"{source} has {len(content):,} bytes: expected those of results.json ({row.bytes:,}), and "
      f"no more than {MOST_BYTES:,}"
    )
  chain = list(_chain(run))
  places = [folder_ for folder_, _, _ in chain]
  training = [_training(each, config, folder_) for folder_, each, config in chain]
  sources = found.data.licences or licences(each.set for each in found.data.portions)
  notes = dict.fromkeys((*found.notes, *caveats(sources)))
  found = dataclasses.replace(found, notes=tuple(notes))
  text = card.text(found, row, container, training, sources)
  configs = json.dumps([config for _, _, config in chain], indent=1) + "\n"
  folder.mkdir(parents=True, exist_ok=True)
  path = folder / f"{name.replace('%', '')}{models.SUFFIX}"
  with whole.writing(path) as file:
    file.write(content)
  whole.write_text(folder / CARD, _without_place(text, places))
  whole.write_text(folder / TRAINING, _without_place(configs, places))
  for other in set(folder.glob(f"*{models.SUFFIX}")) - {path}:
    other.unlink()
  return path


def _chain(run: pathlib.Path) -> Iterator[tuple[pathlib.Path, results.Results, dict[str, Any]]]:
  """The runs that led to this one, the first first, with their configs."""
  if not (run / "config.json").exists():
    raise NoModel(f"{run}, which led to this model, is not there: how it was made can't be told")
  config = json.loads((run / "config.json").read_text(encoding="utf-8"))
  start = config["start_from"].rpartition(":")[0]
  if start:
    # A sweep that was moved, or is looked at from elsewhere, has its points side by side.
    beside = run.parent / pathlib.Path(start).name
    yield from _chain(beside if (beside / "config.json").exists() else pathlib.Path(start))
  yield run, results.load(run / "results.json"), config


def _training(found: results.Results, config: dict[str, Any], run: pathlib.Path) -> card.Training:
  names = [name for name in config["curriculum"] if name in config["stages"]]
  stages = [config["stages"][name] | {"name": name} for name in names]
  return card.Training(
    command=found.command,
    commit=found.commit,
    seed=config["seed"],
    stages=tuple(
      card.Stage(each["name"], each["steps"], each["sparsity"], each.get("quantize", ""))
      for each in stages
    ),
    config=TRAINING,
  )


def _without_place(text: str, runs: Iterable[pathlib.Path]) -> str:
  """A card travels: where the runs lie on this machine is nobody's business."""
  for parent in {run.resolve().parent for run in runs}:
    text = text.replace(f"{parent}/", "runs/")
  return text


def main() -> None:
  parser = argparse.ArgumentParser(prog="python -m experiments.model_card")
  parser.add_argument("run", type=pathlib.Path, help="the --workdir of a finished run")
  parser.add_argument("--model", required=True, help="its name in the run's results")
  parser.add_argument(
    "--folder", type=pathlib.Path, default=models.folder(), help="the package's own (%(default)s)"
  )
  options = parser.parse_args()
  try:
    path = ship(options.run, options.model, options.folder)
  except (NoModel, results.ResultsError, ContainerError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
  print(f"{path} ({path.stat().st_size:,} bytes) and {path.with_name(CARD)}")


if __name__ == "__main__":
  main()
