"""What every launcher has in common: its flags, and errors told in a sentence."""

import pathlib
import shlex
import sys
from collections.abc import Callable

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from data import at_hand
from edge_rnnt.inputs.manifest import ManifestError
from edge_rnnt.train.checkpoint import CheckpointError
from edge_rnnt.train.monitor import NotFinite
from experiments import pipeline

TOLD = (
  at_hand.NoSpeech,
  ManifestError,
  CheckpointError,
  NotFinite,
  pipeline.BadRecipe,
  pipeline.OtherRun,
)
"""Errors that are the user's to mend: their message is enough, a traceback would bury it."""


def launch(get_config: Callable[[], ConfigDict], module: str) -> None:
  """Parses the command line of `python -m module` and walks the corridor."""
  try:  # the overrides are read here already
    config = config_flags.DEFINE_config_dict("config", get_config(), "Any number of the recipe.")
  except KeyError as error:  # a mistyped key: its message names the nearest right one
    sys.exit(f"--config: {error.args[0]}\nAll keys and their defaults: experiments/recipe.py")
  name = module.rpartition(".")[2]
  workdir = flags.DEFINE_string("workdir", f"runs/{name}", "Where everything is written.")
  data_dir = flags.DEFINE_string(
    "data_dir", None, "Own recordings: a folder of audio + .txt files, or a CSV/TSV manifest."
  )
  offline = flags.DEFINE_bool("offline", False, "Never download; take what is at hand.")

  def main(argv: list[str]) -> None:
    if len(argv) > 1:
      raise app.UsageError(f"unknown arguments {argv[1:]}: options begin with --, see --help")
    logging.set_verbosity(logging.WARNING)  # the checkpoint library would tell of every file
    folder = pathlib.Path(workdir.value)
    try:
      corpora = at_hand.resolve(
        data_dir=pathlib.Path(data_dir.value) if data_dir.value else None,
        shared=at_hand.BESIDE_REPOSITORY,
        cache_dir=folder / "data",
        online=not offline.value,
        sample_rate=config.value.front_end.sample_rate,
        seed=config.value.seed,
        begun_with=pipeline.begun_with(folder),
      )
      pipeline.run(config.value, corpora, folder, command=_command(module))
    except TOLD as error:
      sys.exit(f"{type(error).__name__}: {error}")

  for each in ("config", "workdir", "data_dir", "offline"):  # so that --help shows them
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[each])
  app.run(main, flags_parser=_parse)


def _parse(arguments: list[str]) -> list[str]:
  """absl's own parsing, told in a line."""
  try:
    return flags.FLAGS(arguments)
  except (flags.Error, TypeError) as error:  # TypeError: a value of another type than the default
    sys.exit(f"{error}\nOptions: --help")


def _command(module: str) -> str:
  return f"python -m {module} {shlex.join(sys.argv[1:])}".strip()
