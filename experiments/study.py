r"""The study: every table of the paper on real speech, with intervals, by one command.

  python -m experiments.study --workdir=runs/study                 (all of it, three seeds)
  python -m experiments.study --workdir=runs/study --only=sparsity --seeds=1
  python -m experiments.study --workdir=runs/study --jobs=2 --dry_run    (what is left to do)

Every point is an ordinary run in WORKDIR/POINT: stop it in any way, and the same command goes on.
Dense starts are shared: the LSTM of a seed is trained once for all tables, and so are the edge
model and the small LSTM. The page is written from whatever has finished, and names what has not.
About 7 hours on 2 cores with three seeds: 4 to 5 updates a second and core in the dense stages.

Measured with three seeds in tables 1 and 3, one in the others (docs/study/report.md, 56 points, two
at a time, 12 h 25 min of them), orders and digits together. Float, less the dense LSTM's 13.8 %:
50 % sparse +2.0 points [+0.3, +3.9], 70 % +3.7 [+0.9, +6.4], 80 % +8.0 [+4.5, +11.2], 90 % +20.4
[+14.4, +26.9]; integer: half sparse CIFG + SRU +1.9 [-1.9, +5.7] in 13 % of the bytes, small dense
LSTM of as many +3.6 [+1.2, +6.2]. Sentences: 96.5 %. Seed 0: CIFG in the encoder -2.2 [-4.6, +0.1],
SRU +8.3 [+4.8, +11.8], of an LSTM's 15.1; CIFG in the decoder -2.3 [-4.8, -0.1], SRU +1.2 [-1.3,
+3.8]. Integer less float +0.1 [-0.3, +0.6] dense. At 80 % single weights 16.7, 8x1 19.6, 1x8 23.7,
16x1 27.9 %. The 54 models of seed 0, on two machines: all 270 WERs of single sets are equal.
"""

import dataclasses
import pathlib

from absl import flags
from ml_collections import ConfigDict

from data.licences import caveats
from edge_rnnt.report import results, study
from experiments import collect, options, study_device, study_point, study_tables
from experiments.launch import launch_sweep
from experiments.sweep import BadSweep, Sweep

TABLES = ("sparsity", "cells", "combined", "quantization", "device", "beyond")

ONLY = flags.DEFINE_list("only", list(TABLES), f"Tables to run: {', '.join(TABLES)}.")
SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds of tables 1 and 3.", lower_bound=1)


def get_sweep(config: ConfigDict) -> Sweep:
  """The points of the tables asked for, each once. Raises BadSweep for a table that is none."""
  unknown = sorted(set(ONLY.value) - set(TABLES))
  if unknown:
    raise BadSweep(f"--only={','.join(unknown)}: the tables are {', '.join(TABLES)}")
  asked = [each for each in _questions(config) if each.section.key in ONLY.value]
  if not asked:  # the device alone: what table 4 has left to measure there
    asked = [each for each in _questions(config) if each.section.key == "quantization"]
  points = {point.folder: point for each in asked for point in each.points}
  # A seed after the other: what is there after a third of the time answers every question once.
  ordered = sorted(points.values(), key=lambda point: point.seed)
  return Sweep("The paper's questions, on real speech", tuple(ordered))


def report(config: ConfigDict, workdir: pathlib.Path) -> None:
  """Joins what has finished: results.json, report.html, report.md; measures table 5's models."""
  joint = collect.join(workdir, study_tables.TOGETHER)
  together = f'"all" is {" and ".join(study_tables.TOGETHER)} together.'
  known = caveats(joint.data.licences)
  notes = dict.fromkeys((together, *known, *joint.notes))
  joint = dataclasses.replace(joint, notes=tuple(notes))
  results.save(joint, workdir / "results.json")
  _write(joint, config, workdir)
  if "device" in ONLY.value and not options.FAKE_DATA.value:
    study_device.measure(workdir)
    _write(joint, config, workdir)


def _write(joint: results.Results, config: ConfigDict, workdir: pathlib.Path) -> None:
  found = {row.name for row in joint.main_rows}
  sections = study_tables.sections(_questions(config), ONLY.value, found)
  rows = study_device.read(workdir)
  measured = [study_device.table(rows)] if rows else []
  written = study.write(joint, workdir, sections, measured, study_tables.about(config))
  print(f"The page: {written[0]}", flush=True)


def _questions(config: ConfigDict) -> tuple[study_tables.Question, ...]:
  return study_tables.questions(config, range(SEEDS.value))


if __name__ == "__main__":
  launch_sweep(
    study_point.get_config,
    "experiments.study",
    get_sweep,
    point="experiments.study_point",
    report=report,
  )
