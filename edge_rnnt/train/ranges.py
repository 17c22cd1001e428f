"""What range every activation of a model covers on a batch: integer formats are made of this."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.encoder import encoder_cell, fill_groups
from edge_rnnt.model.prediction import prediction_cell
from edge_rnnt.quant.calibrate import unroll_and_record
from edge_rnnt.quant.formats import Range


class Utterances(NamedTuple):
  """A padded batch; what lies beyond a length is never read."""

  frames: Any
  """[B, T, F]"""
  lengths: Any
  labels: Any
  """[B, U]"""
  label_lengths: Any


def observe(config: RNNTConfig, params: Mapping[str, Any], batch: Utterances) -> dict[str, Range]:
  """Least and greatest value at every tap of encoder and prediction network, by tap path.

  The prediction network reads the given labels. Pass masked parameters if the model is pruned.
  """
  ranges = _encoder(config, params["encoder"], batch.frames, batch.lengths)
  table = params["prediction"]["embedding"]
  starts = jnp.full((len(batch.labels), 1), config.blank, batch.labels.dtype)
  # Padding may hold any number; a row that is never read may as well be the blank's.
  labels = jnp.concatenate([starts, batch.labels], axis=1)
  labels = jnp.where((labels >= 0) & (labels < config.vocab_size), labels, config.blank)
  xs, lengths = table[labels], batch.label_lengths + 1
  for k in range(config.prediction_layers):
    name = f"layer_{k}"
    cell = prediction_cell(config)
    xs, seen = unroll_and_record(cell, params["prediction"][name], xs, lengths)
    ranges |= {f"prediction/{name}/{tap}": value for tap, value in seen.items()}
  return ranges


def _encoder(config: RNNTConfig, params: Any, xs: Array, lengths: Array) -> dict[str, Range]:
  ranges: dict[str, Range] = {}
  factor = config.time_reduction
  xs, lengths = fill_groups(xs, lengths, factor)
  for k in range(config.encoder_layers):
    if k == config.time_reduction_after:
      xs, lengths = xs.reshape(len(xs), -1, factor * xs.shape[2]), lengths // factor
    xs, seen = unroll_and_record(encoder_cell(config), params[f"layer_{k}"], xs, lengths)
    ranges |= {f"encoder/layer_{k}/{tap}": value for tap, value in seen.items()}
  return ranges
