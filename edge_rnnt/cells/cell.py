"""The contract that every recurrent cell keeps, and the tap through which others see its tensors.

A cell is a frozen dataclass of hyperparameters with pure methods; its parameters are a plain dict.
One law holds for all cells: `unroll` equals `step` repeated, in values and gradients, for any
chunking; padding is never read.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from edge_rnnt.shapes import Lengths, Mask, Sequence

Params = Mapping[str, Array]
Initializers = Mapping[str, Callable[[Array], Array]]

LAYER_NORM_EPSILON = 1e-8
CELL_CLIP = 10.0


@runtime_checkable
class Tap(Protocol):
  """A callable pytree that a cell passes its named tensors through; it uses what comes back.

  Weights, once per call:  input_kernel [D G H], recurrent_kernel [P G H], projection_kernel [H P]
  Activations, every frame, in this order:
    input [.. D]
    gates [.. G H]       z_t, before layer norm
    normalized [.. G H]  after layer norm and bias: what sigmoid and tanh see
    mixed [.. H]         SRU with layer norm: f * c_{t-1} + (1 - f) * u, before its layer norm
    cell [.. H]          c_t, clipped
    hidden [.. H]        what is projected; absent without a projection
    output [.. P]        h_t, as it leaves and as it re-enters

  It is differentiated as any argument is, so a tap may carry learned ranges. It must keep shape and
  dtype, and must not keep what it is given inside `unroll` (a scan): record through `step`.
  """

  def __call__(self, name: str, x: Array) -> Array: ...

  def scope(self, name: str) -> "Tap":
    """The same tap for a part of the model: names below it are prefixed with `name/`."""
    ...


@struct.dataclass
class Identity:
  """The tap that looks at nothing and costs nothing."""

  def __call__(self, name: str, x: Array) -> Array:
    return x

  def scope(self, name: str) -> "Identity":
    return self


IDENTITY = Identity()


class Cell(Protocol):
  """What LSTM, CIFG and SRU have in common; D is `input_dim`, P is `output_dim`."""

  gates: tuple[str, ...]

  @property
  def output_dim(self) -> int: ...

  def kernel_shape(self, input_dim: int) -> tuple[int, int]: ...

  def initializers(self, input_dim: int) -> Initializers: ...

  def initial_state(self, batch: int) -> Any: ...

  def step(
    self, params: Params, state: Any, x: Float[Array, "B D"], tap: Tap = IDENTITY
  ) -> tuple[Any, Float[Array, "B P"]]: ...

  def unroll(
    self, params: Params, state: Any, xs: Sequence, lengths: Lengths, tap: Tap = IDENTITY
  ) -> tuple[Any, Float[Array, "B T P"]]: ...


def initialize(initializers: Initializers, key: Key[Array, ""]) -> dict[str, Array]:
  """Every tensor from its own key, so that adding a tensor does not change the others."""
  return {
    name: initializer(jax.random.fold_in(key, index))
    for index, (name, initializer) in enumerate(sorted(initializers.items()))
  }


class Recurrent(nn.Module):
  """Holds one cell's parameters; the maths are the cell's."""

  cell: Any
  input_dim: int

  def setup(self) -> None:
    initializers = self.cell.initializers(self.input_dim)
    self.tensors = {name: self.param(name, init) for name, init in initializers.items()}

  def step(
    self, state: Any, x: Float[Array, "B D"], tap: Tap = IDENTITY
  ) -> tuple[Any, Float[Array, "B P"]]:
    return self.cell.step(self.tensors, state, x, tap)

  def unroll(
    self, state: Any, xs: Sequence, lengths: Lengths, tap: Tap = IDENTITY
  ) -> tuple[Any, Float[Array, "B T P"]]:
    return self.cell.unroll(self.tensors, state, xs, lengths, tap)


def valid_frames(lengths: Lengths, frames: int) -> Mask:
  """True where a frame lies within its utterance."""
  return jnp.arange(frames) < lengths[:, None]


def silence_padding(xs: Sequence, lengths: Lengths) -> Sequence:
  """Zeros beyond the lengths, so that a NaN there reaches neither values nor gradients."""
  return jnp.where(valid_frames(lengths, xs.shape[1])[..., None], xs, 0)


def normalize(x: Float[Array, "... H"]) -> Float[Array, "... H"]:
  """(x - mean) / sqrt(variance + 1e-8) over the cells; the variance is the population's."""
  centered = x - jnp.mean(x, axis=-1, keepdims=True)
  variance = jnp.mean(jnp.square(centered), axis=-1, keepdims=True)
  return centered * jax.lax.rsqrt(variance + LAYER_NORM_EPSILON)
