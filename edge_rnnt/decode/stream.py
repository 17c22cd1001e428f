"""One stream recognized chunk by chunk, token for token as the whole utterance would be."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.decode.greedy import MAX_SYMBOLS, Hypotheses, SearchState, begin, search
from edge_rnnt.model.rnnt import RNNT


class Token(NamedTuple):
  """A word-piece and the encoded frame (from 0) at which it was emitted."""

  token: int
  frame: int


class Stream:
  """Greedy recognition of one utterance while it is spoken.

  `accept` takes any number of stacked frames and returns the tokens they made known; rows that do
  not fill a chunk wait for the next call. `finish` returns the rest: a last group that is not full
  is filled with zero frames, as the encoder does for whole utterances. Then the stream is over.
  Raises ValueError for a chunk that is no multiple of time_reduction, or frames after the end.
  """

  def __init__(
    self,
    model: RNNT,
    params: Any,
    *,
    chunk: int | None = None,
    max_symbols: int = MAX_SYMBOLS,
    tap: Tap = IDENTITY,
  ) -> None:
    """`chunk`: frames that are encoded together; the least possible, time_reduction, if None."""
    self._group = model.config.time_reduction
    self._chunk = self._group if chunk is None else chunk
    if self._chunk < 1 or self._chunk % self._group:
      raise ValueError(f"chunk must be a multiple of time_reduction={self._group}, got {chunk}")
    self._advance = partial(_advance, model, max_symbols, params, tap)
    self._state = (model.initial_state(1).encoder, _begin(model, params, tap))
    self._rows = np.zeros((0, model.config.feature_dim), np.float32)
    self._encoded = 0
    self._finished = False

  def accept(self, frames: Float[np.ndarray, "T F"]) -> list[Token]:
    """More stacked frames -> tokens that became known."""
    if self._finished:
      raise ValueError("the stream is finished: start a new Stream for the next utterance")
    self._rows = np.concatenate([self._rows, frames])
    return self._consume(self._chunk)

  def finish(self) -> list[Token]:
    """The end of the utterance -> the tokens that were still to come."""
    missing = -len(self._rows) % self._group
    tokens = self.accept(np.zeros((missing, self._rows.shape[1]), np.float32))
    self._finished = True
    return tokens + self._consume(self._group)

  def _consume(self, size: int) -> list[Token]:
    tokens = []
    while len(self._rows) >= size:
      chunk, self._rows = self._rows[:size], self._rows[size:]
      self._state, found = self._advance(self._state, chunk[None])
      count = int(found.counts[0])
      pairs = zip(np.asarray(found.tokens[0]), np.asarray(found.frames[0]), strict=True)
      emitted = [Token(int(token), self._encoded + int(frame)) for token, frame in pairs]
      tokens += emitted[:count]
      self._encoded += size // self._group
    return tokens


@partial(jax.jit, static_argnums=0)
def _begin(model: RNNT, params: Any, tap: Tap) -> SearchState:
  return begin(model, params, 1, tap)


@partial(jax.jit, static_argnums=(0, 1))
def _advance(
  model: RNNT,
  max_symbols: int,
  params: Any,
  tap: Tap,
  state: tuple[tuple, SearchState],
  frames: Float[Array, "B T F"],
) -> tuple[tuple[tuple, SearchState], Hypotheses]:
  """One chunk through encoder and search; compiled once per chunk size."""
  before, searching = state
  variables = {"params": params}
  after, encoded = model.apply(variables, before, frames, tap, method="encode_chunk")
  lengths = jnp.full((frames.shape[0],), encoded.shape[1], jnp.int32)
  searching, found = search(
    model, params, searching, encoded, lengths, max_symbols=max_symbols, tap=tap
  )
  return (after, searching), found
