"""Joins the results of a sweep's points: one results.json, table, plot and page of what is there.

  python -m experiments.collect runs/recovery

Points of one name and several seeds become one model: its WER is the mean over the seeds, with an
interval over utterances and seeds. A sweep ends with this; do it meanwhile to see how it goes.
"""

import dataclasses
import json
import pathlib
import statistics
import sys
from collections.abc import Collection, Mapping
from typing import Any

from absl import app

from edge_rnnt import whole
from edge_rnnt.report import page, results, seeds, terminal
from edge_rnnt.report.hypotheses import Heard, read_hypotheses, write_hypotheses
from experiments.sweep import Sweep


@dataclasses.dataclass(frozen=True)
class Finished:
  """A point's results and the folder that they are in."""

  name: str
  seed: int
  folder: pathlib.Path
  found: results.Results


def remember(sweep: Sweep, workdir: pathlib.Path, command: str) -> None:
  """Writes what the joint page says of the sweep: `workdir`/sweep.json."""
  about = {
    "title": sweep.title,
    "against": sweep.against,
    "command": command,
    "names": list(dict.fromkeys(point.name for point in sweep.points)),
  }
  workdir.mkdir(parents=True, exist_ok=True)
  whole.write_text(workdir / "sweep.json", json.dumps(about, indent=2))


def collect(folder: pathlib.Path) -> results.Results:
  """Writes results.json and the page of all points in `folder` that have finished.

  Raises ResultsError as `join` does.
  """
  joint = join(folder)
  results.save(joint, folder / "results.json")
  page.write(joint, folder)
  terminal.show(joint, folder)
  return joint


def join(folder: pathlib.Path, together: Collection[str] = ()) -> results.Results:
  """The results of all points in `folder` that have finished, runs of one name pooled.

  together: the test sets that make the rows for all of them; those of the points if none are given.
  Writes the pooled hypotheses. Raises ResultsError if none has finished, or if they were not tested
  on the same sets.
  """
  points = finished(folder)
  about = _about(folder)
  names = dict.fromkeys([*about.get("names", ()), *(point.name for point in points)])
  groups = {
    name: runs for name in names if (runs := [point for point in points if point.name == name])
  }
  first = next(iter(groups.values()))[0]
  _check_same_test(first, points)
  rows = tuple(
    row for name, runs in groups.items() for row in _pooled(name, runs, folder, together)
  )
  return dataclasses.replace(
    first.found,
    title=about.get("title", folder.name),
    command=about.get("command", f"python -m experiments.collect {folder}"),
    against=about.get("against", ""),
    rows=rows,
    notes=_notes(groups),
    seconds=_seconds(points),
    commit=", ".join(sorted({point.found.commit for point in points} - {""})),
    recovery=None,  # each row has its own
    charts=(),
    sample=str(first.folder.relative_to(folder) / first.found.sample),
  )


def finished(folder: pathlib.Path) -> list[Finished]:
  """The points that have results, by name and seed. Raises ResultsError if there are none."""
  points = []
  for path in folder.glob("*/results.json"):
    seed = _seed(path.parent)
    name = path.parent.name.removesuffix(f"-{seed}")
    points.append(Finished(name, seed, path.parent, results.load(path)))
  if not points:
    raise results.ResultsError(f"no point of {folder} has finished: there is no */results.json")
  return sorted(points, key=lambda point: (point.name, point.seed))


def _seed(point: pathlib.Path) -> int:
  try:
    return json.loads((point / "config.json").read_text(encoding="utf-8"))["seed"]
  except (OSError, ValueError, KeyError) as error:
    raise results.ResultsError(
      f"{point} is no point of a sweep, its config.json cannot be read ({error}): leave it out"
    ) from error


def _about(folder: pathlib.Path) -> dict:
  path = folder / "sweep.json"
  return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _check_same_test(first: Finished, points: list[Finished]) -> None:
  def test(point: Finished) -> list[results.Portion]:
    return [portion for portion in point.found.data.portions if portion.split == "test"]

  for point in points:
    if test(point) != test(first):
      raise results.ResultsError(
        f"{point.folder.name} was tested on {test(point)}, {first.folder.name} on {test(first)}: "
        "only what was tested on the same speech belongs on one page"
      )


def _pooled(
  name: str, runs: list[Finished], folder: pathlib.Path, together: Collection[str]
) -> list[results.Row]:
  """The rows of a point's models, over all its seeds."""
  found, states = [], {row.weights for row in runs[0].found.rows}
  for row in runs[0].found.rows:
    state = f"-{row.weights}" if len(states) > 1 else ""
    same = {
      run.seed: (run, each)
      for run in runs
      for each in run.found.rows
      if (each.name, each.set) == (row.name, row.set)
    }
    kind = row.name.removeprefix(f"{row.weights}-")  # the scheme, or a kind of it
    said = not state and name.endswith(f"-{kind}")  # aware-integer, in integer
    model = name if said else f"{name}{state}-{kind}"
    sets = together if row.set == results.POOLED else ()
    found.append(_one_row(model, name, same, folder, sets))
  return found


def _one_row(
  model: str,
  group: str,
  same: Mapping[int, tuple[Finished, results.Row]],
  folder: pathlib.Path,
  sets: Collection[str],
) -> results.Row:
  runs = {seed: _heard(run, row, sets) for seed, (run, row) in same.items()}
  rows = [row for _, row in same.values()]
  run, row = next(iter(same.values()))
  own = f"{run.folder.relative_to(folder)}/"
  joint = dataclasses.replace(
    row,
    name=model,
    weights=f"{group}/{row.weights}",
    device_file=own + row.device_file,
    hypotheses=own + row.hypotheses,
    seeds=len(runs),
    runs=tuple(runs),
  )
  if len(runs) == 1 and not sets:
    return joint
  path = folder / "hypotheses" / f"{model}-{row.set}.tsv"
  return dataclasses.replace(
    joint,
    bytes=round(_mean(rows, "bytes")),
    nonzero=round(_mean(rows, "nonzero")),
    rtf=_mean(rows, "rtf"),
    dev_wer=_mean(rows, "dev_wer"),
    blocks_back=_mean(rows, "blocks_back"),
    fidelity=_mean_fidelity([row.fidelity for row in rows]),
    hypotheses=str(path.relative_to(folder)),
    **_scores(runs, path),
  )


def _heard(run: Finished, row: results.Row, sets: Collection[str]) -> list[Heard]:
  """What the row's model heard in these test sets; in the row's own if there are none."""
  rows = [each for each in run.found.rows if each.name == row.name and each.set in sets] or [row]
  return [heard for each in rows for heard in read_hypotheses(run.folder / each.hypotheses)]


def _scores(runs: Mapping[int, list[Heard]], path: pathlib.Path) -> dict[str, Any]:
  """WER of all runs together, and its interval; writes what it was counted from."""
  path.parent.mkdir(exist_ok=True)
  (first, *others) = runs.values()
  write_hypotheses(path, seeds.pool(runs) if others else first)
  return seeds.scores(runs)


def _mean(rows: list[results.Row] | list[results.Fidelity], field: str) -> float | None:
  values = [getattr(row, field) for row in rows]
  return None if None in values else statistics.fmean(values)


def _mean_fidelity(found: list[results.Fidelity | None]) -> results.Fidelity | None:
  """Of all seeds, each number its mean."""
  if None in found:
    return None
  return results.Fidelity(
    dev_wer=_mean(found, "dev_wer"),
    against_float=_mean(found, "against_float"),
    against_model=_mean(found, "against_model"),
    sqnr=_mean_by_tensor([each.sqnr for each in found]),
    sqnr_float=_mean_by_tensor([each.sqnr_float for each in found]),
  )


def _mean_by_tensor(found: list[Mapping[str, float] | None]) -> dict[str, float] | None:
  if None in found:
    return None
  return {name: statistics.fmean(each[name] for each in found) for name in found[0]}


def _notes(groups: Mapping[str, list[Finished]]) -> tuple[str, ...]:
  """Those of the points, each said once with who says it."""
  said: dict[str, list[str]] = {}
  for name, runs in groups.items():
    for note in runs[0].found.notes:
      said.setdefault(note, []).append(name)
  return tuple(
    note if len(names) == len(groups) else f"{', '.join(names)}: {note}"
    for note, names in said.items()
  )


def _seconds(points: list[Finished]) -> dict[str, float]:
  """Wall seconds by part, of all points together."""
  parts = dict.fromkeys(part for point in points for part in point.found.seconds)
  return {part: sum(point.found.seconds.get(part, 0.0) for point in points) for part in parts}


def main(argv: list[str]) -> None:
  if len(argv) != 2:
    raise app.UsageError("expected one folder, the --workdir of a sweep")
  try:
    collect(pathlib.Path(argv[1]))
  except results.ResultsError as error:
    sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
  app.run(main)
