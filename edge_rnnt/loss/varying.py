"""Inside shard_map a loop's start must be said to differ between devices, as its end does."""

import jax.numpy as jnp
from jaxtyping import Array, Shaped


def varying_like(x: Shaped[Array, "*n"], like: Shaped[Array, "*m"]) -> Shaped[Array, "*n"]:
  """x, typed as varying over the mesh axes over which `like` varies.

  A choice between x and x: the type depends on `like`, the value does not, and XLA removes it.
  (JAX's own name for this, and that of the type's field, have changed from release to release.)
  """
  if like.size == 0:
    return x
  return jnp.where(like.ravel()[0] == 0, x, x)
