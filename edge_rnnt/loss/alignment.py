"""What the lattice says about time: the best alignment, and when each label is expected.

Both take the edges that `transducer_edges` and `joint_edges` give; the posterior of every edge is
in lattice.py.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.diagonals import Edges, by_diagonal, log_likelihood, sweep
from edge_rnnt.loss.lattice import posteriors
from edge_rnnt.loss.splitlog import SplitLog, difference, larger, times


def best_alignment(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> tuple[Float[Array, "B"], Int[Array, "B U"]]:
  """The most probable alignment (Viterbi): its log-probability, and the frame of each label.

    best(t, u) = max(best(t-1, u) + blank(t-1, u), best(t, u-1) + label(t, u-1))

  walked back from (T, U); of two equal predecessors the blank wins. Frames are -1 beyond
  `label_lengths`, and meaningless where the log-probability is -inf: no alignment is possible.
  """
  blank, label = by_diagonal(edges, frame_lengths, label_lengths)
  last, best = sweep(blank, label, join=larger)
  batch, nodes = last.hi.shape
  u_of_label = jnp.arange(nodes - 1)

  def back(carry, diagonal):
    u, frames = carry
    best, blank, label, n = diagonal
    left = jnp.maximum(u - 1, 0)
    moved = (u > 0) & (difference(_at(times(best, label), left), _at(times(best, blank), u)) > 0)
    u = u - moved
    frames = jnp.where((moved[:, None]) & (u_of_label == u[:, None]), (n - u)[:, None], frames)
    return (u, frames), None

  end = jnp.full(batch, nodes - 1), jnp.full((batch, nodes - 1), -1)
  diagonals = best, blank, label, jnp.arange(blank.shape[0])
  (_, frames), _ = lax.scan(back, end, diagonals, reverse=True)
  return log_likelihood(last), jnp.where(u_of_label < label_lengths[:, None], frames, -1)


def _at(x: SplitLog, u: Int[Array, "B"]) -> SplitLog:
  return SplitLog(*(jnp.take_along_axis(part, u[:, None], axis=1)[:, 0] for part in x))


def expected_emission_frame(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> Float[Array, "B U"]:
  """The mean frame in which each label is emitted, over alignments drawn from the lattice.

    frame(u) = sum_t t * label posterior(t, u)

  In frames of the encoder, from 0; 0 beyond `label_lengths`.
  """
  _, taken = posteriors(edges, frame_lengths, label_lengths)
  t = jnp.arange(taken.label.shape[1], dtype=taken.label.dtype)
  return jnp.einsum("t,btu->bu", t, taken.label[..., :-1])
