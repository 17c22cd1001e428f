"""Greedy search: at each frame the best word-piece, until blank is best.

The batch advances label by label: each turn scores the next few frames of every utterance under
what it has emitted so far, and goes to its first frame whose best piece is not blank. Utterances
need not be at the same frame, and the prediction network runs only in turns in which somebody
emitted. The tokens are those of the plain frame-by-frame search.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.model.joint import combine, project_encoded, project_predicted
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.shapes import Frames, Lengths

MAX_SYMBOLS = 4
"""Labels that one frame may emit; real speech needs no more, and silence cannot loop."""

WINDOW = 4
"""Frames scored in one turn; more waste work on frames behind a label, fewer mean more turns."""


class SearchState(NamedTuple):
  """What the search remembers between frames."""

  prediction: tuple
  """The prediction network's state after the last label."""
  expected: Float[Array, "B J"]
  """Its output, projected for the joint."""


class Hypotheses(NamedTuple):
  """What was recognized; entries beyond `counts` are blank in `tokens` and -1 in `frames`."""

  tokens: Int[Array, "B S"]
  frames: Int[Array, "B S"]
  """The encoded frame at which each token was emitted, from 0."""
  counts: Int[Array, "B"]


class _Turn(NamedTuple):
  state: SearchState
  time: Int[Array, "B"]
  """The next frame to look at."""
  symbols: Int[Array, "B"]
  """Labels emitted at that frame so far."""
  found: Hypotheses


def begin(model: RNNT, params: Any, batch: int, tap: Tap = IDENTITY) -> SearchState:
  """The state before the first frame: the prediction network has seen the blank."""
  blanks = jnp.full((batch,), model.config.blank, jnp.int32)
  return _predict(model, params, model.initial_state(batch).prediction, blanks, tap)


def search(
  model: RNNT,
  params: Any,
  state: SearchState,
  encoded: Float[Array, "B T P"],
  lengths: Lengths,
  *,
  max_symbols: int = MAX_SYMBOLS,
  window: int = WINDOW,
  tap: Tap = IDENTITY,
) -> tuple[SearchState, Hypotheses]:
  """Reads `encoded` up to `lengths`; S = T * max_symbols. The state continues with more frames."""
  if max_symbols < 1 or window < 1:
    raise ValueError(f"max_symbols and window must be positive, got {max_symbols} and {window}")
  heard = project_encoded(params["joint"], encoded, tap.scope("joint"))
  room = (encoded.shape[0], encoded.shape[1] * max_symbols)
  zeros = jnp.zeros_like(lengths)
  tokens = jnp.full(room, model.config.blank, jnp.int32)
  found = Hypotheses(tokens, jnp.full(room, -1, jnp.int32), zeros)

  def turn(now: _Turn) -> _Turn:
    token, ahead = _first_label(model, params, heard, lengths, now, window, tap)
    emits = ahead < window
    time = jnp.minimum(now.time + ahead, lengths)
    symbols = jnp.where(ahead == 0, now.symbols, 0) + emits
    full = symbols == max_symbols
    state = jax.lax.cond(
      emits.any(), lambda: _advance(model, params, now.state, token, emits, tap), lambda: now.state
    )
    found = _append(now.found, token, time, emits)
    return _Turn(state, time + full, jnp.where(full, 0, symbols), found)

  start = _Turn(state, zeros, zeros, found)
  end = jax.lax.while_loop(lambda now: (now.time < lengths).any(), turn, start)
  return end.state, end.found


@partial(jax.jit, static_argnames=("model", "max_symbols", "window"))
def greedy(
  model: RNNT,
  params: Any,
  frames: Frames,
  lengths: Lengths,
  *,
  max_symbols: int = MAX_SYMBOLS,
  window: int = WINDOW,
  tap: Tap = IDENTITY,
) -> Hypotheses:
  """Whole utterances -> tokens, one compiled program per shape."""
  encoded, lengths = model.apply({"params": params}, frames, lengths, tap, method="encode")
  state = begin(model, params, frames.shape[0], tap)
  kwargs = {"max_symbols": max_symbols, "window": window, "tap": tap}
  return search(model, params, state, encoded, lengths, **kwargs)[1]


def _first_label(
  model: RNNT, params: Any, heard: Array, lengths: Array, now: _Turn, window: int, tap: Tap
) -> tuple[Array, Array]:
  """The first label within the window and its distance in frames; `window` if there is none."""
  times = now.time[:, None] + jnp.arange(window)
  seen = jnp.minimum(times, heard.shape[1] - 1)
  heard = jnp.take_along_axis(heard, seen[..., None], axis=1)
  logits = combine(params["joint"], heard, now.state.expected[:, None], tap.scope("joint"))
  best = jnp.argmax(logits, axis=-1).astype(jnp.int32)
  labels = (best != model.config.blank) & (times < lengths[:, None])
  ahead = jnp.where(labels.any(axis=1), jnp.argmax(labels, axis=1), window).astype(jnp.int32)
  token = jnp.take_along_axis(best, jnp.minimum(ahead, window - 1)[:, None], axis=1)[:, 0]
  return token, ahead


def _predict(model: RNNT, params: Any, prediction: tuple, label: Array, tap: Tap) -> SearchState:
  variables = {"params": params}
  prediction, predicted = model.apply(variables, prediction, label, tap, method="predict_step")
  expected = project_predicted(params["joint"], predicted, tap.scope("joint"))
  return SearchState(prediction, expected)


def _advance(
  model: RNNT, params: Any, state: SearchState, token: Array, emits: Array, tap: Tap
) -> SearchState:
  """The state after `token` where an utterance emitted, else as it was."""
  after = _predict(model, params, state.prediction, token, tap)
  return jax.tree.map(lambda new, old: jnp.where(emits[:, None], new, old), after, state)


def _append(found: Hypotheses, token: Array, time: Array, emits: Array) -> Hypotheses:
  rows = jnp.arange(token.shape[0])
  # An utterance that emits nothing writes beyond the end, which "drop" discards.
  slot = jnp.where(emits, found.counts, found.tokens.shape[1])
  return Hypotheses(
    found.tokens.at[rows, slot].set(token, mode="drop"),
    found.frames.at[rows, slot].set(time, mode="drop"),
    found.counts + emits,
  )
