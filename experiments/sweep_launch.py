"""A sweep as the command line asks for it: printed, told, run here, or handed to Slurm."""

import pathlib
import sys
from collections.abc import Callable, Sequence

from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import collect, options, sweep, sweep_budget, sweep_local
from experiments.sweep_table import State


def launch(
  points: sweep.Sweep,
  config: ConfigDict,
  workdir: pathlib.Path,
  module: str,
  *,
  command: str,
  report: Callable[[pathlib.Path], object] = collect.collect,
) -> None:
  """Runs or prints all points; then joins the results of those that are finished."""
  overrides = config_flags.get_override_values(flags.FLAGS["config"])
  given = [flags.FLAGS[each.name].serialize() for each in options.PASSED_ON if each.value]
  jobs = sweep.jobs(
    points, config, module, workdir,
    overrides=overrides, options=given, only=options.POINTS.value,
    fake_data=options.FAKE_DATA.value,
  )  # fmt: skip
  if options.PRINT_COMMANDS.value:
    print("\n".join(job.line for job in jobs))
    return
  print(sweep_budget.told(jobs, options.JOBS.value), flush=True)
  if options.DRY_RUN.value:
    return
  collect.remember(points, workdir, command)
  if options.SLURM.value:
    submit(jobs, workdir)
    return
  states = sweep_local.run(jobs, options.JOBS.value, workdir / "logs")
  if State.DONE in states.values():
    report(workdir)
  for folder, state in states.items():
    if state is State.FAILED:
      log = workdir / "logs" / f"{folder}.log"
      print(f"{folder} failed: {sweep_local.last_words(log)} (all of it: {log})", file=sys.stderr)
    elif state is State.BLOCKED:
      print(f"{folder} was not run: what it starts from has failed", file=sys.stderr)
  if set(states.values()) != {State.DONE}:
    sys.exit(1)


def submit(jobs: Sequence[sweep.Job], workdir: pathlib.Path) -> None:
  """Hands the points to Slurm and says how to follow them."""
  try:
    from experiments import sweep_slurm  # submitit is an extra
  except ModuleNotFoundError as error:
    sys.exit(f"--slurm: {error}. It comes with: pip install 'edge-rnnt[slurm]'")
  chosen = sweep_slurm.parse_options(options.SLURM_OPTIONS.value)
  submitted = sweep_slurm.submit(jobs, workdir / "logs", chosen)
  for job in jobs:
    if job.folder in submitted:
      found = submitted[job.folder]
      print(f"{job.folder}: job {found.job_id}, {sweep_slurm.log_of(found)}")
    else:
      print(f"{job.folder}: finished before")
  print(f"What has finished: python -m experiments.collect {workdir}")
  print("A point that failed: the same command submits what isn't finished again.")
