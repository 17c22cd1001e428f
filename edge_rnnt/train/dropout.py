"""Dropout as a tap: what enters a layer loses some of its units while a model is trained.

    y = x m / (1 - rate)      m ~ Bernoulli(1 - rate), one for every utterance and unit

The mask is the same in all frames of an utterance, so that a recurrent layer can't fill in from the
frame before. Features, cell states and what re-enters a layer are left alone.

Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural
networks", for what goes from layer to layer.
"""

import zlib

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.train.objective import Objective

BATCH_FIRST = ("encoded", "predicted")
"""Taps with the utterances on their first axis; a layer's input has them on its last but one."""
FEATURES = "encoder/layer_0/input"


@struct.dataclass
class Dropout:
  """The tap (edge_rnnt/cells/cell.py). What is dropped depends on an utterance's seed alone."""

  seeds: Float[Array, "B"]
  """One an utterance: a whole number, yet a float, since losses add up a tap's gradients."""
  rate: float = struct.field(pytree_node=False)
  within: Tap = IDENTITY
  """Comes first: what is dropped are numbers as a quantized model has them."""
  path: str = struct.field(pytree_node=False, default="")

  def __call__(self, name: str, x: Array) -> Array:
    x, path = self.within(name, x), self.path + name
    if path == FEATURES or name not in ("input", *BATCH_FIRST):
      return x
    mask = self._mask(path, x.shape[-1])
    return x * (mask[:, None] if name in BATCH_FIRST else mask)

  def scope(self, name: str) -> "Dropout":
    return self.replace(path=f"{self.path}{name}/", within=self.within.scope(name))

  def _mask(self, path: str, units: int) -> Float[Array, "B D"]:
    def row(seed: Float[Array, ""]) -> Float[Array, "D"]:
      key = jax.random.fold_in(jax.random.key(seed.astype(jnp.uint32)), zlib.crc32(path.encode()))
      return jax.random.bernoulli(key, 1 - self.rate, (units,)) / (1 - self.rate)

    return jax.vmap(row)(self.seeds)


def seeds(rng: Key[Array, ""], step: Int[Array, ""], utterances: int) -> Float[Array, "B"]:
  """Those of an update: a row's is the same on whatever device, or in whatever part, it lies."""
  bits = jax.random.bits(jax.random.fold_in(rng, step), (utterances,))
  return (bits >> 8).astype(jnp.float32)  # 24 bits, as many as a float holds exactly


def dropping(objective: Objective, rate: float) -> Objective:
  """The objective of batches that end with seeds. Raises ValueError for a rate outside [0, 1)."""
  if not 0 <= rate < 1:
    raise ValueError(f"dropout is a share of the units, at least 0 and below 1; got {rate}")

  def counts(*batch: Array) -> dict[str, Array]:
    return objective.counts(*batch[:-1])

  def shares(params, counted, *batch: Array, tap: Tap = IDENTITY):
    *batch, row_seeds = batch
    return objective.shares(params, counted, *batch, tap=Dropout(row_seeds, rate, tap))

  return Objective(counts, shares)
