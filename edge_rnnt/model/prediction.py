"""The prediction network: a language model over word-pieces, started by the blank's embedding."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.cells.cell import IDENTITY, Recurrent, Tap
from edge_rnnt.cells.initializers import glorot
from edge_rnnt.model.config import CELLS, RNNTConfig
from edge_rnnt.shapes import Labels


def prediction_cell(config: RNNTConfig) -> Any:
  """The cell that every layer of the prediction network is made of."""
  return CELLS[config.prediction_cell](
    cells=config.prediction_cells,
    projection=config.prediction_projection,
    layer_norm=config.layer_norm,
  )


class Prediction(nn.Module):
  """Labels so far -> what to expect next; row u has seen the blank's embedding and u labels."""

  config: RNNTConfig

  def setup(self) -> None:
    config, cell = self.config, prediction_cell(self.config)
    shape = (config.vocab_size, config.embedding_dim)
    self.embedding = self.param("embedding", partial(glorot, shape))
    width = config.embedding_dim
    for k in range(config.prediction_layers):
      setattr(self, f"layer_{k}", Recurrent(cell, width))
      width = cell.output_dim

  def __call__(self, labels: Labels, tap: Tap = IDENTITY) -> Float[Array, "B U1 P"]:
    """All prefixes at once; a label in the padding may be any number."""
    batch, count = labels.shape
    starts = jnp.full((batch, 1), self.config.blank, labels.dtype)
    xs = self._embed(jnp.concatenate([starts, labels], axis=1), tap)
    lengths = jnp.full((batch,), count + 1, jnp.int32)
    for k, state in enumerate(initial_prediction_state(self.config, batch)):
      _, xs = getattr(self, f"layer_{k}").unroll(state, xs, lengths, tap.scope(f"layer_{k}"))
    return xs

  def step(
    self, state: tuple, label: Int[Array, "B"], tap: Tap = IDENTITY
  ) -> tuple[tuple, Float[Array, "B P"]]:
    """One more label; the first of a stream is the blank."""
    x, states = self._embed(label, tap), []
    for k, before in enumerate(state):
      after, x = getattr(self, f"layer_{k}").step(before, x, tap.scope(f"layer_{k}"))
      states.append(after)
    return tuple(states), x

  def _embed(self, labels: Int[Array, "..."], tap: Tap) -> Float[Array, "... E"]:
    known = (labels >= 0) & (labels < self.config.vocab_size)
    rows = jnp.where(known, labels, self.config.blank)
    return tap("embedding", self.embedding)[rows]


def initial_prediction_state(config: RNNTConfig, batch: int) -> tuple:
  """One cell state per layer."""
  cell = prediction_cell(config)
  return tuple(cell.initial_state(batch) for _ in range(config.prediction_layers))
