r"""From audio to a small streaming recognizer on one page, in minutes.

  make quickstart                                       (or: python -m experiments.quickstart)
  python -m experiments.quickstart --data_dir=FOLDER --workdir=runs/own

Takes the best speech that is at hand, trains a streaming RNN-T, prunes it to 50 % and 80 % in 8x1
blocks while it trains on, quantizes each (hybrid and integer), and measures all nine device files
on speakers never trained on. Writes results.json, report.html, report.md and the device files to
--workdir. Stop it in any way; the same command resumes.
"""

from experiments.launch import launch
from experiments.recipe import get_config

if __name__ == "__main__":
  launch(get_config, "experiments.quickstart")
