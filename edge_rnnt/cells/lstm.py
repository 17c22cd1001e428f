"""The LSTM with a projection and layer norm per gate."""

import dataclasses
from functools import cached_property, partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float, Key

from edge_rnnt.cells.cell import (
  CELL_CLIP,
  IDENTITY,
  Initializers,
  Params,
  Tap,
  initialize,
  normalize,
  silence_padding,
)
from edge_rnnt.cells.hoisted import Matrices, Recurrence, matmul, project, recur
from edge_rnnt.cells.initializers import gate_kernel, gate_values, glorot
from edge_rnnt.shapes import Lengths, Sequence


class LSTMState(NamedTuple):
  """What an LSTM remembers between frames."""

  c: Float[Array, "B H"]
  h: Float[Array, "B P"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LSTM:
  """Long short-term memory with projection and per-gate layer norm.

    z_t = [x_t ; h_{t-1}] kernel                           per gate [B H]
    n = LN(z_t) * gain + bias                              n = z_t + bias without layer norm
    i, f, o = sigmoid(n_i), sigmoid(n_f + forget_bias), sigmoid(n_o);  g = tanh(n_g)
    c_t = clip(f * c_{t-1} + i * g, -10, 10)
    h_t = (o * tanh(c_t)) projection

  LN subtracts the mean over the H cells of a gate and divides by sqrt(variance + 1e-8).
  Without `projection`, h_t = o * tanh(c_t) and P = H.
  Parameters: kernel [D+P, 4H] (columns i f g o), bias [4H], gain [4H], projection [H, P].
  Raises ValueError for sizes below one.
  Hochreiter and Schmidhuber 1997; projection: Sak et al. 2014; layer norm: Ba et al. 2016, eq.
  20-22, without the norm of c.
  """

  gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")

  cells: int
  projection: int | None = None
  layer_norm: bool = True
  forget_bias: float = 0.0

  def __post_init__(self) -> None:
    if self.cells < 1 or (self.projection is not None and self.projection < 1):
      raise ValueError(f"cells and projection must be positive (or projection None), got {self}")

  @property
  def output_dim(self) -> int:
    return self.projection or self.cells

  def kernel_shape(self, input_dim: int) -> tuple[int, int]:
    return (input_dim + self.output_dim, len(self.gates) * self.cells)

  def initializers(self, input_dim: int) -> Initializers:
    """A function of a key for every parameter: Glorot kernels per gate, forget gates open."""
    shape = self.kernel_shape(input_dim)
    tensors = {
      "kernel": partial(gate_kernel, shape, len(self.gates)),
      "bias": partial(gate_values, self.gates, self.cells, {"f": 1.0}, 0.0),
    }
    if self.layer_norm:
      tensors["gain"] = partial(gate_values, self.gates, self.cells, {}, 1.0)
    if self.projection is not None:
      tensors["projection"] = partial(glorot, (self.cells, self.projection))
    return tensors

  def init(self, key: Key[Array, ""], input_dim: int) -> dict[str, Array]:
    return initialize(self.initializers(input_dim), key)

  def initial_state(self, batch: int, dtype: DTypeLike = jnp.float32) -> LSTMState:
    return LSTMState(
      jnp.zeros((batch, self.cells), dtype), jnp.zeros((batch, self.output_dim), dtype)
    )

  def step(
    self, params: Params, state: LSTMState, x: Float[Array, "B D"], tap: Tap = IDENTITY
  ) -> tuple[LSTMState, Float[Array, "B P"]]:
    """One frame: x_t and the state before it -> the state after it, and h_t."""
    matrices = self._matrices(params, x.shape[-1], tap)
    z = matmul(tap("input", x), matrices.inputs) + matmul(state.h, matrices.recurrent)
    c, m = self.pointwise(self._small(params), tap, z, state.c)
    h = self.emit(tap, project(m, matrices.projection))
    return LSTMState(c, h), h

  def unroll(
    self, params: Params, state: LSTMState, xs: Sequence, lengths: Lengths, tap: Tap = IDENTITY
  ) -> tuple[LSTMState, Float[Array, "B T P"]]:
    """All frames: outputs are zero beyond `lengths`; the state is that after the last frame."""
    matrices = self._matrices(params, xs.shape[-1], tap)
    xs = tap("input", jnp.swapaxes(silence_padding(xs, lengths), 0, 1))
    cs, hs = recur(self._recurrence, matrices, self._small(params), tap, xs, *state)
    state = LSTMState(*(last_state(*pair, lengths) for pair in zip(state, (cs, hs), strict=True)))
    return state, silence_padding(jnp.swapaxes(hs, 0, 1), lengths)

  def pointwise(
    self, small: Params, tap: Tap, z: Float[Array, "... G H"], c: Float[Array, "... H"]
  ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
    """(z_t, c_{t-1}) -> (c_t, o * tanh(c_t)); any leading axes."""
    i, f, g, o = jnp.unstack(self._normalized(small, tap, z), axis=-2)
    i, f, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f + self.forget_bias), jax.nn.sigmoid(o)
    c = tap("cell", jnp.clip(f * c + i * jnp.tanh(g), -CELL_CLIP, CELL_CLIP))
    return c, self._hidden(tap, o * jnp.tanh(c))

  def emit(self, tap: Tap, p: Float[Array, "... P"]) -> Float[Array, "... P"]:
    """What leaves the cell and re-enters it."""
    return tap("output", p)

  def _normalized(self, small: Params, tap: Tap, z: Array) -> Array:
    z = tap("gates", z)
    split = z.shape[-2:]
    if self.layer_norm:
      z = normalize(z) * small["gain"].reshape(split)
    return tap("normalized", z + small["bias"].reshape(split))

  def _hidden(self, tap: Tap, m: Array) -> Array:
    return m if self.projection is None else tap("hidden", m)

  def _small(self, params: Params) -> dict[str, Array]:
    return {name: params[name] for name in ("bias", "gain") if name in params}

  def _matrices(self, params: Params, input_dim: int, tap: Tap) -> Matrices:
    kernel = params["kernel"].reshape(-1, len(self.gates), self.cells)
    projection = params.get("projection")
    return Matrices(
      tap("input_kernel", kernel[:input_dim]),
      tap("recurrent_kernel", kernel[input_dim:]),
      None if projection is None else tap("projection_kernel", projection),
    )

  @cached_property
  def _recurrence(self) -> Recurrence:
    return Recurrence(self.pointwise, self.emit)


def last_state(
  initial: Float[Array, "B S"], states: Float[Array, "T B S"], lengths: Lengths
) -> Float[Array, "B S"]:
  """The state after each utterance's last frame; the initial one of an utterance without frames."""
  history = jnp.concatenate([initial[None], states])
  return history[lengths, jnp.arange(lengths.shape[0])]
