"""Greedy search through the auxiliary CTC head: what an encoder tells apart before the transducer
is trained.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from edge_rnnt.decode.greedy import Hypotheses
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.shapes import Frames, Lengths


@partial(jax.jit, static_argnames="model")
def ctc_greedy(model: RNNT, params: Any, frames: Frames, lengths: Lengths) -> Hypotheses:
  """Whole utterances -> the best label of every frame, repeats merged, blanks dropped (S = T).

  Graves et al. 2006, best path decoding. Raises ValueError for a model without a CTC head.
  """
  variables, blank = {"params": params}, model.config.blank
  encoded, lengths = model.apply(variables, frames, lengths, method="encode")
  best = jnp.argmax(model.apply(variables, encoded, method="ctc_logits"), axis=-1)
  before = jnp.pad(best[:, :-1], ((0, 0), (1, 0)), constant_values=blank)
  heard = jnp.arange(best.shape[1]) < lengths[:, None]
  said = heard & (best != blank) & (best != before)
  return _packed(best.astype(jnp.int32), said, blank)


def _packed(best: Array, said: Array, blank: int) -> Hypotheses:
  """The labels that were said to the left of each row."""
  size = best.shape[1]
  slots = jnp.where(said, jnp.cumsum(said, axis=1) - 1, size)  # size: dropped
  rows = jnp.arange(best.shape[0])[:, None]
  tokens = jnp.full(best.shape, blank, jnp.int32).at[rows, slots].set(best, mode="drop")
  times = jnp.broadcast_to(jnp.arange(size, dtype=jnp.int32), best.shape)
  frames = jnp.full(best.shape, -1, jnp.int32).at[rows, slots].set(times, mode="drop")
  return Hypotheses(tokens, frames, jnp.sum(said, axis=1, dtype=jnp.int32))
