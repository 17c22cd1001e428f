"""Which few labels of each frame are worth a look: the windows of the pruned transducer loss.

A window is `size` consecutive nodes u = start(t), ..., start(t) + size - 1 of frame t.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.splitlog import IMPOSSIBLE


def window_starts(
  taken: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"], size: int
) -> Int[Array, "B T"]:
  """The first node of each frame's window, from the posteriors of a cheaper model.

    score(t, s) = sum of blank posterior(t, u) over u = s, ..., s + size - 1
                  - label posterior(t, s - 1)

  (Kuang et al. 2022, section 3.2: alignments leave the frame inside the window, and none enters it
  from below.) The best starts are then moved so that an alignment fits: from start(0) = 0 they grow
  by 0 to size - 1 per frame, and the last frame's window holds the last label's node.
  """
  frames, nodes = taken.blank.shape[1:]
  within = jnp.cumsum(jnp.pad(taken.blank, ((0, 0), (0, 0), (1, 0))), axis=-1)
  inside = within[..., size:] - within[..., :-size]
  entering = jnp.pad(taken.label[..., : nodes - size], ((0, 0), (0, 0), (1, 0)))
  starts = jnp.arange(nodes - size + 1)
  last = jnp.maximum(label_lengths + 1 - size, 0)[:, None]
  score = jnp.where(starts <= last[..., None], inside - entering, -jnp.inf)
  t = jnp.arange(frames)
  best = jnp.where(t < frame_lengths[:, None] - 1, jnp.argmax(score, axis=-1), last)
  return _reachable(best, size)


def _reachable(start: Int[Array, "B T"], size: int) -> Int[Array, "B T"]:
  """The nearest starts from below that never fall, and never rise by more than size - 1."""
  start = lax.cummin(start, axis=1, reverse=True)
  most = (size - 1) * jnp.arange(start.shape[1])
  return most - jnp.maximum(lax.cummin(most - start, axis=1, reverse=True), 0)


def by_node(
  x: Float[Array, "B T S"], start: Int[Array, "B T"], nodes: int
) -> Float[Array, "B T U1"]:
  """Numbers of a window at their nodes, IMPOSSIBLE elsewhere."""
  offset = jnp.arange(nodes) - start[..., None]
  inside = (offset >= 0) & (offset < x.shape[-1])
  there = jnp.take_along_axis(x, jnp.clip(offset, 0, x.shape[-1] - 1), axis=-1)
  return jnp.where(inside, there, IMPOSSIBLE)
