"""The LSTM with coupled input and forget gates."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from edge_rnnt.cells.cell import CELL_CLIP, Params, Tap
from edge_rnnt.cells.lstm import LSTM


@dataclasses.dataclass(frozen=True, kw_only=True)
class CIFG(LSTM):
  """An LSTM that takes in exactly what it forgets: a quarter of the kernel less.

    f, o = sigmoid(n_f + forget_bias), sigmoid(n_o);  g = tanh(n_g);  i = 1 - f
    c_t = clip(f * c_{t-1} + (1 - f) * g, -10, 10)

  All else as in LSTM.
  Parameters: kernel [D+P, 3H] (columns f g o), bias [3H], gain [3H], projection [H, P].
  Greff et al. 2015, "LSTM: A Search Space Odyssey", variant CIFG.
  """

  gates: ClassVar[tuple[str, ...]] = ("f", "g", "o")

  def pointwise(
    self, small: Params, tap: Tap, z: Float[Array, "... G H"], c: Float[Array, "... H"]
  ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
    """(z_t, c_{t-1}) -> (c_t, o * tanh(c_t)); any leading axes."""
    f, g, o = jnp.unstack(self._normalized(small, tap, z), axis=-2)
    f, o = jax.nn.sigmoid(f + self.forget_bias), jax.nn.sigmoid(o)
    c = tap("cell", jnp.clip(f * c + (1 - f) * jnp.tanh(g), -CELL_CLIP, CELL_CLIP))
    return c, self._hidden(tap, o * jnp.tanh(c))
