"""The encoder: recurrent layers with one joining of neighbouring frames between them."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from edge_rnnt.cells.cell import IDENTITY, Recurrent, Tap, silence_padding
from edge_rnnt.model.config import CELLS, RNNTConfig
from edge_rnnt.shapes import Frames, Lengths


def encoder_cell(config: RNNTConfig) -> Any:
  """The cell that every encoder layer is made of."""
  return CELLS[config.encoder_cell](
    cells=config.encoder_cells, projection=config.encoder_projection, layer_norm=config.layer_norm
  )


def fill_groups(frames: Frames, lengths: Lengths, factor: int) -> tuple[Array, Lengths]:
  """Zero frames after each utterance's last, up to whole groups of `factor`; the new lengths.

  They enter the model as frames like any other, so that a stream is ended by feeding zero frames.
  """
  frames = silence_padding(frames, lengths)
  frames = jnp.pad(frames, ((0, 0), (0, -frames.shape[1] % factor), (0, 0)))
  return frames, -(-lengths // factor) * factor


class Encoder(nn.Module):
  """Stacked frames -> encoded frames, `time_reduction` times fewer.

  Layers 0 .. time_reduction_after - 1 run on every frame, the others on joined neighbours. A last
  group that is not full is filled with zero input frames, hence lengths are rounded up.
  """

  config: RNNTConfig

  def setup(self) -> None:
    config, cell = self.config, encoder_cell(self.config)
    width = config.feature_dim
    for k in range(config.encoder_layers):
      if k == config.time_reduction_after:
        width *= config.time_reduction
      # Assigned by name, so that the parameters are encoder/layer_0 and not encoder/layers_0.
      setattr(self, f"layer_{k}", Recurrent(cell, width))
      width = cell.output_dim

  def __call__(
    self, frames: Frames, lengths: Lengths, tap: Tap = IDENTITY
  ) -> tuple[Float[Array, "B T2 P"], Lengths]:
    """Whole utterances; zero beyond the lengths returned."""
    frames, lengths = fill_groups(frames, lengths, self.config.time_reduction)
    state = initial_encoder_state(self.config, frames.shape[0])
    _, encoded, lengths = self._run(state, frames, lengths, tap)
    return encoded, lengths

  def chunk(
    self, state: tuple, frames: Frames, tap: Tap = IDENTITY
  ) -> tuple[tuple, Float[Array, "B T2 P"]]:
    """The next frames of a stream, a multiple of `time_reduction` of them (ValueError if not)."""
    if frames.shape[1] % self.config.time_reduction:
      raise ValueError(
        f"a chunk must hold a multiple of time_reduction={self.config.time_reduction} frames, "
        f"got {frames.shape[1]}; keep the rest for the next chunk"
      )
    lengths = jnp.full((frames.shape[0],), frames.shape[1], jnp.int32)
    state, encoded, _ = self._run(state, frames, lengths, tap)
    return state, encoded

  def _run(self, state: tuple, xs: Array, lengths: Array, tap: Tap) -> tuple[tuple, Array, Array]:
    states = []
    for k, before in enumerate(state):
      if k == self.config.time_reduction_after:
        factor = self.config.time_reduction
        xs = xs.reshape(xs.shape[0], -1, factor * xs.shape[2])
        lengths = lengths // factor
      layer = getattr(self, f"layer_{k}")
      after, xs = layer.unroll(before, xs, lengths, tap.scope(f"layer_{k}"))
      states.append(after)
    return tuple(states), xs, lengths


def initial_encoder_state(config: RNNTConfig, batch: int) -> tuple:
  """One cell state per layer."""
  cell = encoder_cell(config)
  return tuple(cell.initial_state(batch) for _ in range(config.encoder_layers))
