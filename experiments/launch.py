"""What every launcher has in common: its command line, and errors told in a sentence."""

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
from experiments import dry_run, identity, options, pipeline, recipe, sweep, sweep_launch

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


def launch(
  get_config: Callable[[], ConfigDict],
  module: str,
  get_sweep: Callable[[], sweep.Sweep] | None = None,
) -> None:
  """Parses the command line of `python -m module`; walks the corridor, or runs the sweep."""

  def main(config: ConfigDict, workdir: pathlib.Path) -> None:
    if not (options.SWEEP.value or options.PRINT_COMMANDS.value or options.SLURM.value):
      run_one(config, workdir, command=_command(module))
    elif get_sweep is None:
      sys.exit(f"{module} has no sweep: leave out --sweep, --slurm and --print_commands")
    else:
      sweep_launch.launch(get_sweep(), config, workdir, module, command=_command(module))

  _launch(get_config, module, main, (*options.OF_A_RUN, *(options.OF_A_SWEEP if get_sweep else ())))


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

    sweep_launch.launch(
      get_sweep(config), config, workdir, point, command=_command(module), report=joint
    )

  own = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
  _launch(get_config, module, main, (*own, *options.OF_POINTS_ALONE))


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
      main(config.value, pathlib.Path(options.WORKDIR.value or f"runs/{module.rpartition('.')[2]}"))
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
  processes.connect(*(each.value for each in options.OF_A_CLUSTER))
  cache = pathlib.Path(options.CACHE_DIR.value or workdir)
  if options.FAKE_DATA.value:
    config = recipe.shortened(config)
  with processes.first_alone("speech at hand"):
    corpora = _speech(config, workdir, cache)
  if options.DRY_RUN.value:
    processes.tell(dry_run.told(config, *pipeline.prepare(config, corpora, cache)))
    return
  pipeline.run(
    config, corpora, workdir, command=command, cache_dir=cache, profile=options.PROFILE.value
  )


def _speech(config: ConfigDict, workdir: pathlib.Path, cache: pathlib.Path) -> Corpora:
  rate = config.front_end.sample_rate
  if options.FAKE_DATA.value:
    return tones.tone_corpora(rate, pipeline.sources_wanted(config))
  return at_hand.resolve(
    data_dir=pathlib.Path(options.DATA_DIR.value) if options.DATA_DIR.value else None,
    shared=at_hand.BESIDE_REPOSITORY,
    cache_dir=cache / "data",
    online=not options.OFFLINE.value,
    sample_rate=rate,
    seed=config.seed,
    begun_with=identity.begun_with(workdir),
    domains=config.domains,
  )


def _parse(arguments: list[str]) -> list[str]:
  """absl's own parsing, told in a line."""
  try:
    return flags.FLAGS(arguments)
  except (flags.Error, TypeError) as error:  # TypeError: a value of another type than the default
    sys.exit(f"{error}\nOptions: --help")


def _command(module: str) -> str:
  return f"python -m {module} {shlex.join(sys.argv[1:])}".strip()
