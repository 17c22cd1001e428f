r"""Whether CIFG and SRU can stand in for the LSTM, in the encoder and in the decoder.

  python -m experiments.cell_topology --sweep
  python -m experiments.cell_topology --sweep --points='(sru|cifg)\+.*'

All nine combinations of encoder and decoder cell, trained from scratch for the same updates with
the same widths: a CIFG has a quarter fewer weights than an LSTM, an SRU fewer still, so the rows
differ in size as well. 5 to 6 minutes a point on 2 cores with the full recipe.

Not measured with it yet. Tried with 1,000 updates (`--config.stages.hear.steps=300
--config.stages.dense.steps=500`), which hardly leave the plateau and so rank nothing: test WER
lstm+lstm 56.4 %, cifg+cifg 51.7 % (float), integer within 0.5 of both.
"""

from ml_collections import ConfigDict

from edge_rnnt.model.config import CELLS
from experiments import recipe
from experiments.launch import launch
from experiments.sweep import Point, Sweep, product


def get_config() -> ConfigDict:
  """The recipe up to the dense model."""
  config = recipe.get_config()
  config.curriculum = ("align", "hear", "dense")
  config.schemes = ("float", "integer")
  return config


def get_sweep() -> Sweep:
  """Encoder cell x decoder cell; LSTM + LSTM, what the others are compared with, first."""
  cells = product({"model.encoder_cell": CELLS, "model.prediction_cell": CELLS})
  points = tuple(Point("+".join(each.values()), 0, each) for each in cells)
  return Sweep("Which cell where", points, against="lstm+lstm")


if __name__ == "__main__":
  launch(get_config, "experiments.cell_topology", get_sweep)
