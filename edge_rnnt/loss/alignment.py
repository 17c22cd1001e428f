"""What the lattice says about time: the best alignment, and when each label is expected.

Both take the edges that `transducer_edges` and `joint_edges` give; the posterior of every edge is
in lattice.py.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss.diagonals import Edges, by_diagonal, log_likelihood, sweep
from edge_rnnt.loss.lattice import posteriors


def best_alignment(
  edges: Edges, frame_lengths: Int[Array, "B"], label_lengths: Int[Array, "B"]
) -> tuple[Float[Array, "B"], Int[Array, "B U"]]:
  """The most probable alignment (Viterbi): its log-probability, and the frame of each label.

    best(t, u) = max(best(t-1, u) + blank(t-1, u), best(t, u-1) + label(t, u-1))

  walked back from (T, U); of two equal predecessors the blank wins. Frames are -1 beyond
  `label_lengths`, and meaningless where the log-probability is -inf: no alignment is possible.
  """
  blank, label, log_scale = by_diagonal(edges, frame_lengths, label_lengths)
  last, visited = sweep(blank[:, None], label[:, None], plus=jnp.maximum)
  batch, nodes = last.shape[1:]
  u_of_label = jnp.arange(nodes - 1)

  def back(carry, diagonal):
    u, frames = carry
    best, blank, label, n = diagonal
    here, left = u[:, None], jnp.maximum(u - 1, 0)[:, None]
    stay = jnp.take_along_axis(best + blank, here, axis=1)[:, 0]
    move = jnp.take_along_axis(best + label, left, axis=1)[:, 0]
    moved = (u > 0) & (move > stay)
    u = u - moved
    frames = jnp.where(moved[:, None] & (u_of_label == u[:, None]), (n - u)[:, None], frames)
    return (u, frames), None

  end = jnp.full(batch, nodes - 1), jnp.full((batch, nodes - 1), -1)
  diagonals = visited[:, 0], blank, label, jnp.arange(blank.shape[0])
  (_, frames), _ = lax.scan(back, end, diagonals, reverse=True)
  score = log_likelihood(last[0], log_scale)
  return score, jnp.where(u_of_label < label_lengths[:, None], frames, -1)


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
