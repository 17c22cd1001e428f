r"""From audio to a small streaming recognizer on one page, in minutes.

  make quickstart                                       (or: python -m experiments.quickstart)
  python -m experiments.quickstart --data_dir=FOLDER    your own recordings: audio files + .txt

Prepares the best speech that is at hand, trains a streaming RNN-T, prunes it to 50 % and 80 % in
8x1 blocks while it trains on, quantizes each (hybrid and integer), and measures all nine device
files on speakers never trained on. Writes results.json, report.html, report.md and the device files
to --workdir. Interrupt it in any way; the same command resumes.
"""

import os
import pathlib
import sys

from absl import app, flags
from ml_collections import config_flags

from data import at_hand
from experiments import pipeline, recipe

get_config = recipe.get_config

_CONFIG = config_flags.DEFINE_config_dict("config", get_config(), "Numbers of the recipe.")
_WORKDIR = flags.DEFINE_string("workdir", "runs/quickstart", "Where everything is written.")
_DATA_DIR = flags.DEFINE_string(
  "data_dir", None, "Folder (audio + .txt), or CSV/TSV manifest, to train on instead."
)
_OFFLINE = flags.DEFINE_bool("offline", False, "Never download; take what is at hand.")


def main(argv: list[str]) -> None:
  if len(argv) > 1:
    raise app.UsageError(f"unknown arguments {argv[1:]}: options start with --, see --help")
  config, workdir = _CONFIG.value, pathlib.Path(_WORKDIR.value)
  corpora = at_hand.resolve(
    data_dir=pathlib.Path(_DATA_DIR.value) if _DATA_DIR.value else None,
    shared=at_hand.BESIDE_REPOSITORY,
    cache_dir=workdir / "data",
    online=not _OFFLINE.value,
    sample_rate=config.front_end.sample_rate,
    seed=config.seed,
  )
  pipeline.run(config, corpora, workdir, command=_command())


def _command() -> str:
  return " ".join(["python -m experiments.quickstart", *sys.argv[1:]])


if __name__ == "__main__":
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  app.run(main)
