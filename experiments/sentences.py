r"""Read sentences, as far as two hours of them go: most of the updates are theirs.

  python -m experiments.sentences --offline

Needs ../shared/data and the program flite. In multidomain.py sentences wait and then get a share of
CTC's last 600 updates; 96 % of their words are wrong at its end. What leaves that plateau: as many
updates of CTC on them as it takes, little disturbed, before the transducer begins; and longer
word-pieces, which are easier to tell apart than letters where speech is so little.

Measured, seed 0, one run of 44 min on one core beside another. Test, integer, 1,659,929 bytes: read
75.3 % [74.3, 76.1], joined to long stretches 90.9, orders 18.4, digit strings by telephone 40.2,
real digit strings 36.9; float 75.2, 90.8, 18.3, 40.2, 36.6. Dev read by CTC after 2,000 and 4,000
updates: 80 word-pieces 93.1 and 89.1, 256 84.6 and 82.4, 512 81.1 and 77.0, 1,024 81.8 and 76.0.
"""

from ml_collections import ConfigDict

from experiments import multidomain
from experiments.launch import launch
from experiments.recipe import stage

MOSTLY_READ = {
  "read": 0.55, "synthetic-flite-read": 0.15, "synthetic-read": 0.1, "commands": 0.1,
  "telephony": 0.05, "read_digits": 0.05,
}  # fmt: skip


def get_config() -> ConfigDict:
  """The recipe of multidomain.py, wider, with sentences at the heart of it."""
  config = multidomain.get_config()
  config.model.update(encoder_cells=256, encoder_projection=160)
  config.pieces.vocab_size = 512
  config.dropout = 0.1
  config.curriculum = ("align", "hear", "read", "again", "dense")
  config.stages.hear.steps = 500
  config.stages.read = stage(2000, MOSTLY_READ, ctc=1.0, disturb=0.3)
  config.stages.again = stage(2000, MOSTLY_READ, ctc=1.0, disturb=0.5, final=5e-4)
  full = {"transducer": 1.0, "ctc": 0.3}
  config.stages.dense = stage(3500, MOSTLY_READ, disturb=0.5, final=1e-4, keep_as="dense", **full)
  return config


if __name__ == "__main__":
  launch(get_config, "experiments.sentences")
