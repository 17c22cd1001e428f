"""The simple recurrent unit: a recurrence without a matrix."""

import dataclasses
from functools import partial
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
from edge_rnnt.cells.hoisted import matmul
from edge_rnnt.cells.initializers import gate_kernel, gate_values, glorot
from edge_rnnt.cells.lstm import last_state
from edge_rnnt.cells.product import product
from edge_rnnt.shapes import Lengths, Sequence


class SRUState(NamedTuple):
  """What an SRU remembers between frames."""

  c: Float[Array, "B H"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SRU:
  """Simple recurrent unit with a highway and layer norm: only c_t depends on the frame before.

    u, n_f, n_r, s = x_t kernel                            per gate [B H]
    f = sigmoid(LN(n_f) * gain_f + bias_f);  r = sigmoid(LN(n_r) * gain_r + bias_r)
    c_t = clip(LN(f * c_{t-1} + (1 - f) * u) * gain_c, -10, 10)
    h_t = (r * tanh(c_t) + (1 - r) * (s + bias_s)) projection

  LN as in LSTM; without layer norm it and the gains are left out.
  The state is the normalized, clipped c_t.
  Parameters: kernel [D, 4H] (columns u f r s), bias [4H] (bias_u never acts, and is kept so that
  counts compare with the literature), gain [3H] (f r c), projection [H, P].
  Raises ValueError for sizes below one.
  Lei et al. 2018, "Simple Recurrent Units", in the form without peepholes whose highway has its
  own matrix.
  """

  gates: ClassVar[tuple[str, ...]] = ("u", "f", "r", "s")

  cells: int
  projection: int | None = None
  layer_norm: bool = True

  def __post_init__(self) -> None:
    if self.cells < 1 or (self.projection is not None and self.projection < 1):
      raise ValueError(f"cells and projection must be positive (or projection None), got {self}")

  @property
  def output_dim(self) -> int:
    return self.projection or self.cells

  def kernel_shape(self, input_dim: int) -> tuple[int, int]:
    return (input_dim, len(self.gates) * self.cells)

  def initializers(self, input_dim: int) -> Initializers:
    """A function of a key for every parameter: Glorot kernels per gate, forget gates open."""
    tensors = {
      "kernel": partial(gate_kernel, self.kernel_shape(input_dim), len(self.gates)),
      "bias": partial(gate_values, self.gates, self.cells, {"f": 1.0}, 0.0),
    }
    if self.layer_norm:
      tensors["gain"] = partial(gate_values, ("f", "r", "c"), self.cells, {}, 1.0)
    if self.projection is not None:
      tensors["projection"] = partial(glorot, (self.cells, self.projection))
    return tensors

  def init(self, key: Key[Array, ""], input_dim: int) -> dict[str, Array]:
    return initialize(self.initializers(input_dim), key)

  def initial_state(self, batch: int, dtype: DTypeLike = jnp.float32) -> SRUState:
    return SRUState(jnp.zeros((batch, self.cells), dtype))

  def step(
    self, params: Params, state: SRUState, x: Float[Array, "B D"], tap: Tap = IDENTITY
  ) -> tuple[SRUState, Float[Array, "B P"]]:
    """One frame: x_t and the state before it -> the state after it, and h_t."""
    u, f, r, s = self._gates(params, x, tap)
    c = self._advance(params, tap, f, (1 - f) * u, state.c)
    return SRUState(c), self._output(params, tap, r, s, c)

  def unroll(
    self, params: Params, state: SRUState, xs: Sequence, lengths: Lengths, tap: Tap = IDENTITY
  ) -> tuple[SRUState, Float[Array, "B T P"]]:
    """All frames: outputs are zero beyond `lengths`; the state is that after the last frame."""
    xs = jnp.swapaxes(silence_padding(xs, lengths), 0, 1)
    u, f, r, s = self._gates(params, xs, tap)

    def body(c, frame):
      c = self._advance(params, tap, *frame, c)
      return c, c

    _, cs = jax.lax.scan(body, state.c, (f, (1 - f) * u))
    ys = jnp.swapaxes(self._output(params, tap, r, s, cs), 0, 1)
    return SRUState(last_state(state.c, cs, lengths)), silence_padding(ys, lengths)

  def _gates(self, params: Params, x: Array, tap: Tap) -> tuple[Array, Array, Array, Array]:
    """(u, sigmoid f, sigmoid r, s + bias): all that needs no state."""
    kernel = params["kernel"].reshape(-1, len(self.gates), self.cells)
    z = tap("gates", matmul(tap("input", x), tap("input_kernel", kernel)))
    u, f, r, s = jnp.unstack(z, axis=-2)
    _, bias_f, bias_r, bias_s = jnp.split(params["bias"], 4)
    if self.layer_norm:
      gain_f, gain_r, _ = jnp.split(params["gain"], 3)
      f, r = normalize(f) * gain_f, normalize(r) * gain_r
    normalized = jnp.stack([u, f + bias_f, r + bias_r, s + bias_s], axis=-2)
    u, f, r, s = jnp.unstack(tap("normalized", normalized), axis=-2)
    return u, jax.nn.sigmoid(f), jax.nn.sigmoid(r), s

  def _advance(self, params: Params, tap: Tap, f: Array, taken: Array, c: Array) -> Array:
    """c_{t-1} -> c_t, from f and (1 - f) * u."""
    c = f * c + taken
    if self.layer_norm:
      c = normalize(tap("mixed", c)) * jnp.split(params["gain"], 3)[2]
    return tap("cell", jnp.clip(c, -CELL_CLIP, CELL_CLIP))

  def _output(self, params: Params, tap: Tap, r: Array, s: Array, c: Array) -> Array:
    m = r * jnp.tanh(c) + (1 - r) * s
    if self.projection is not None:
      m = product(tap("hidden", m), tap("projection_kernel", params["projection"]))
    return tap("output", m)
