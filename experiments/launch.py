"""What every launcher has in common: its flags, and errors told in a sentence."""

import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from data import at_hand, tones
from data.corpora import Corpora
from edge_rnnt.inputs.manifest import ManifestError
from edge_rnnt.report.schema import ResultsError
from edge_rnnt.train import processes, stop
from edge_rnnt.train.checkpoint import CheckpointError
from edge_rnnt.train.monitor import NotFinite
from experiments import (
  collect,
  dry_run,
  identity,
  pipeline,
  recipe,
  sweep,
  sweep_budget,
  sweep_local,
)
from experiments.sweep_table import State

TOLD = (
  at_hand.NoSpeech,
  ManifestError,
  CheckpointError,
  NotFinite,
  ResultsError,
  recipe.BadRecipe,
  identity.OtherRun,
  processes.BadCluster,
  sweep.BadSweep,
  OSError,  # a folder that cannot be written, a full disk
)
"""Errors that are the user's to mend: their message is enough, a traceback would bury it."""

WORKDIR = flags.DEFINE_string("workdir", None, "Where everything is written (runs/NAME).")
CACHE_DIR = flags.DEFINE_string(
  "cache_dir", None, "Prepared speech and compiled programs, which runs may share (the workdir)."
)
DATA_DIR = flags.DEFINE_string(
  "data_dir",
  None,
  "Own recordings: a folder of audio + .txt files, a list of them (CSV, TSV, Kaldi, NeMo, lhotse), "
  "or what data.prepare made.",
)
OFFLINE = flags.DEFINE_bool("offline", False, "Never download; take what is at hand.")
SWEEP = flags.DEFINE_bool("sweep", False, "Run all points of the sweep, each in WORKDIR/POINT.")
JOBS = flags.DEFINE_integer("jobs", 1, "Points of the sweep that run at once.", lower_bound=1)
POINTS = flags.DEFINE_string(
  "points", "", "Only the points whose folder matches this pattern, and what they start from."
)
PRINT_COMMANDS = flags.DEFINE_bool(
  "print_commands", False, "Print the points' commands, one a line, for any scheduler; run nothing."
)
SLURM = flags.DEFINE_bool(
  "slurm", False, "Give the sweep's points to Slurm, as job arrays (pip install submitit)."
)
SLURM_OPTIONS = flags.DEFINE_list(
  "slurm_options",
  [],
  "NAME=VALUE of each point's job: timeout_min, cpus_per_task, mem_gb, gpus_per_node, nodes, "
  "tasks_per_node, partition, account, qos, array_parallelism, ... as submitit names them.",
)
FAKE_DATA = flags.DEFINE_bool(
  "fake_data",
  False,
  "Chords instead of speech, 20 updates a stage: does it all run here?",
)
PROFILE = flags.DEFINE_integer(
  "profile", 0, "Trace so many updates into WORKDIR/profile, for TensorBoard.", lower_bound=0
)
DRY_RUN = flags.DEFINE_bool(
  "dry_run",
  False,
  "Only tell what would be run: shapes, parameters, memory and work of an update; of a sweep its "
  "points, updates and, if some were made, the time left.",
)
COORDINATOR = flags.DEFINE_string(
  "coordinator",
  None,
  "Train on several processes, one a machine or GPU: auto under Slurm (srun), on a TPU pod, under "
  "Open MPI or Kubernetes; else HOST:PORT of process 0 ($JAX_COORDINATOR_ADDRESS).",
)
NUM_PROCESSES = flags.DEFINE_integer(
  "num_processes", None, "How many, with HOST:PORT ($JAX_NUM_PROCESSES).", lower_bound=1
)
PROCESS_ID = flags.DEFINE_integer(
  "process_id", None, "Which this is, from 0 on ($JAX_PROCESS_ID).", lower_bound=0
)
OF_A_CLUSTER = (COORDINATOR, NUM_PROCESSES, PROCESS_ID)
OF_A_RUN = (WORKDIR, CACHE_DIR, DATA_DIR, OFFLINE, FAKE_DATA, DRY_RUN, PROFILE, *OF_A_CLUSTER)
OF_A_SWEEP = (SWEEP, JOBS, POINTS, PRINT_COMMANDS, SLURM, SLURM_OPTIONS)


def launch(
  get_config: Callable[[], ConfigDict],
  module: str,
  get_sweep: Callable[[], sweep.Sweep] | None = None,
) -> None:
  """Parses the command line of `python -m module`; walks the corridor, or runs the sweep."""

  def main(config: ConfigDict, workdir: pathlib.Path) -> None:
    if not (SWEEP.value or PRINT_COMMANDS.value or SLURM.value):
      run_one(config, workdir, command=_command(module))
    elif get_sweep is None:
      sys.exit(f"{module} has no sweep: leave out --sweep, --slurm and --print_commands")
    else:
      run_sweep(get_sweep(), config, workdir, module, command=_command(module))

  _launch(get_config, module, main, (*OF_A_RUN, *(OF_A_SWEEP if get_sweep else ())))


def launch_sweep(
  get_config: Callable[[], ConfigDict],
  module: str,
  get_sweep: Callable[[ConfigDict], sweep.Sweep],
  *,
  point: str,
  report: Callable[[ConfigDict, pathlib.Path], object],
) -> None:
  """For a program that is a sweep and has no run of its own.

  point: the launcher of one point, with the same config. report: writes the joint page.
  """

  def main(config: ConfigDict, workdir: pathlib.Path) -> None:
    def joint(folder: pathlib.Path) -> None:
      report(config, folder)

    run_sweep(get_sweep(config), config, workdir, point, command=_command(module), report=joint)

  own = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
  shown = (WORKDIR, CACHE_DIR, DATA_DIR, OFFLINE, FAKE_DATA, DRY_RUN, *OF_A_SWEEP[1:])
  _launch(get_config, module, main, (*own, *shown))


def _launch(
  get_config: Callable[[], ConfigDict],
  module: str,
  main: Callable[[ConfigDict, pathlib.Path], None],
  shown: Sequence[Any],
) -> None:
  """Reads config and flags, and calls `main` with errors told in a line. shown: for --help."""
  try:  # the overrides are read here already
    config = config_flags.DEFINE_config_dict("config", get_config(), "Any number of the recipe.")
  except (KeyError, AttributeError) as error:  # a mistyped key: it names the nearest right one
    told = error.args[0].args[0] if isinstance(error.args[0], KeyError) else error.args[0]
    sys.exit(f"--config: {told}\nAll keys and their defaults: experiments/recipe.py")

  def run(argv: list[str]) -> None:
    if len(argv) > 1:
      raise app.UsageError(f"unknown arguments {argv[1:]}: options begin with --, see --help")
    logging.set_verbosity(logging.WARNING)  # the checkpoint library would tell of every file
    try:
      recipe.check(config.value)
      main(config.value, pathlib.Path(WORKDIR.value or f"runs/{module.rpartition('.')[2]}"))
    except TOLD as error:
      sys.exit(f"{type(error).__name__}: {error}")

  for name in ("config", *(each.name for each in shown)):
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
  app.run(run, flags_parser=_parse)


def run_one(config: ConfigDict, workdir: pathlib.Path, *, command: str) -> None:
  """Finds the speech that is at hand and walks the corridor; with others, if there are any."""
  with stop.ends_at_once():  # training, within, takes it over and saves
    _walk(config, workdir, command)


def _walk(config: ConfigDict, workdir: pathlib.Path, command: str) -> None:
  processes.connect(COORDINATOR.value, NUM_PROCESSES.value, PROCESS_ID.value)
  cache = pathlib.Path(CACHE_DIR.value or workdir)
  if FAKE_DATA.value:
    config = recipe.shortened(config)
  with processes.first_alone("speech at hand"):
    corpora = _speech(config, workdir, cache)
  if DRY_RUN.value:
    processes.tell(dry_run.told(config, *pipeline.prepare(config, corpora, cache)))
    return
  options = {"cache_dir": cache, "profile": PROFILE.value}
  pipeline.run(config, corpora, workdir, command=command, **options)


def _speech(config: ConfigDict, workdir: pathlib.Path, cache: pathlib.Path) -> Corpora:
  rate = config.front_end.sample_rate
  if FAKE_DATA.value:
    return tones.tone_corpora(rate, pipeline.sources_wanted(config))
  return at_hand.resolve(
    data_dir=pathlib.Path(DATA_DIR.value) if DATA_DIR.value else None,
    shared=at_hand.BESIDE_REPOSITORY,
    cache_dir=cache / "data",
    online=not OFFLINE.value,
    sample_rate=rate,
    seed=config.seed,
    begun_with=identity.begun_with(workdir),
    domains=config.domains,
  )


def run_sweep(
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
  passed_on = [each for each in (DATA_DIR, OFFLINE, FAKE_DATA, COORDINATOR) if each.value]
  options = [flags.FLAGS[each.name].serialize() for each in passed_on]
  args = (points, config, module, workdir)
  jobs = sweep.jobs(
    *args, overrides=overrides, options=options, only=POINTS.value, fake_data=FAKE_DATA.value
  )
  if PRINT_COMMANDS.value:
    print("\n".join(job.line for job in jobs))
    return
  print(sweep_budget.told(jobs, JOBS.value), flush=True)
  if DRY_RUN.value:
    return
  collect.remember(points, workdir, command)
  if SLURM.value:
    submit(jobs, workdir)
    return
  states = sweep_local.run(jobs, JOBS.value, workdir / "logs")
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
  options = sweep_slurm.parse_options(SLURM_OPTIONS.value)
  submitted = sweep_slurm.submit(jobs, workdir / "logs", options)
  for job in jobs:
    if job.folder in submitted:
      found = submitted[job.folder]
      print(f"{job.folder}: job {found.job_id}, {sweep_slurm.log_of(found)}")
    else:
      print(f"{job.folder}: finished before")
  print(f"What has finished: python -m experiments.collect {workdir}")
  print("A point that failed: the same command submits what isn't finished again.")


def _parse(arguments: list[str]) -> list[str]:
  """absl's own parsing, told in a line."""
  try:
    return flags.FLAGS(arguments)
  except (flags.Error, TypeError) as error:  # TypeError: a value of another type than the default
    sys.exit(f"{error}\nOptions: --help")


def _command(module: str) -> str:
  return f"python -m {module} {shlex.join(sys.argv[1:])}".strip()
