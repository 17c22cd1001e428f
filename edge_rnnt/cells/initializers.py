"""First values of the cells' parameters; every function ends in the key."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def glorot(shape: tuple[int, int], key: Key[Array, ""]) -> Float[Array, "D E"]:
  """Uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010, eq. 16)."""
  bound = (6.0 / sum(shape)) ** 0.5
  return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def gate_kernel(shape: tuple[int, int], gates: int, key: Key[Array, ""]) -> Float[Array, "D E"]:
  """Glorot for each gate alone: a cell's gates share a matrix, not a fan-out."""
  rows, columns = shape
  bound = (6.0 / (rows + columns // gates)) ** 0.5
  return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def gate_values(
  gates: tuple[str, ...],
  cells: int,
  values: Mapping[str, float],
  otherwise: float,
  key: Key[Array, ""],
) -> Float[Array, "E"]:
  """One constant per gate (gates that are not named get `otherwise`); the key is not used."""
  del key
  return jnp.concatenate([jnp.full((cells,), values.get(gate, otherwise)) for gate in gates])
