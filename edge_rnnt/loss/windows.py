"""Windows of consecutive rows, at different places of the utterances: taken out, added back."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int, Shaped


def take(
  x: Shaped[Array, "B L *D"], b: Int[Array, "K"], start: Int[Array, "K"], size: int
) -> Shaped[Array, "K size *D"]:
  """x[b, start : start + size] for each window; windows must lie inside."""
  sizes = (1, size, *x.shape[2:])
  rest = (0,) * (x.ndim - 2)
  return jax.vmap(lambda b, start: lax.dynamic_slice(x, (b, start, *rest), sizes)[0])(b, start)


def add(
  x: Shaped[Array, "B L *D"],
  b: Int[Array, "K"],
  start: Int[Array, "K"],
  window: Shaped[Array, "K size *D"],
) -> Shaped[Array, "B L *D"]:
  """x with each window added to x[b, start : start + size]; windows of b = B are dropped."""
  numbers = lax.ScatterDimensionNumbers(
    update_window_dims=tuple(range(1, x.ndim)),
    inserted_window_dims=(0,),
    scatter_dims_to_operand_dims=(0, 1),
  )
  index = jnp.stack([b, start], axis=1)
  mode = lax.GatherScatterMode.FILL_OR_DROP
  return lax.scatter_add(x, index, window.astype(x.dtype), numbers, mode=mode)
