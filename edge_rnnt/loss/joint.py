"""The transducer loss of given encodings: the logits of all nodes never exist at once."""

import jax
from jaxtyping import Array, Float, Int

from edge_rnnt.loss import problem, tiles
from edge_rnnt.loss.chunks import JointFn, Params, Visit, tile_edges
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.emission import Window, lattice_loss


def joint_transducer_loss(
  joint_fn: JointFn,
  params: Params,
  encoded: Float[Array, "B T D"],
  predicted: Float[Array, "B U1 E"],
  labels: Int[Array, "B U"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  fastemit: float = 0.0,
  clamp: float | None = None,
  delay_penalty: float = 0.0,
  emission_window: Window | None = None,
  zero_infinity: bool = False,
  chunk_nodes: int = 768,
) -> Float[Array, "B"]:
  """`transducer_loss` of logits(t, u) = joint_fn(params, encoded(t), predicted(u)), chunk by chunk.

  The nodes inside the lengths are packed (see tiles.py) and visited `chunk_nodes` at a time: once
  forward, for log_z, blank and label of each node, and once backward, where their logits are made
  again. Memory is chunk_nodes * V plus a few numbers per node; padding costs nothing.

  Args:
    joint_fn: may depend on arrays through its arguments only. It runs at every node: a projection
      of a frame or a label alone belongs before it, into `encoded` and `predicted`.
    params: its parameters, any pytree of floating-point arrays.
    encoded, predicted: rows of the encoder, and of the predictor after 0 to U labels.
    chunk_nodes: rounded to whole tiles. About 768 suits a CPU, 8192 an accelerator.

  The other arguments, the result and the errors are those of `transducer_loss`. There is a gradient
  for params, encoded and predicted.
  """
  lengths = frame_lengths, label_lengths
  edges, unit = _edges(
    joint_fn, params, encoded, predicted, labels, *lengths, blank, clamp, chunk_nodes
  )
  return unit + lattice_loss(
    edges,
    *lengths,
    fastemit=fastemit,
    delay_penalty=delay_penalty,
    emission_window=emission_window,
    zero_infinity=zero_infinity,
  )


def joint_edges(
  joint_fn: JointFn,
  params: Params,
  encoded: Float[Array, "B T D"],
  predicted: Float[Array, "B U1 E"],
  labels: Int[Array, "B U"],
  frame_lengths: Int[Array, "B"],
  label_lengths: Int[Array, "B"],
  *,
  blank: int,
  chunk_nodes: int = 768,
) -> Edges:
  """The lattice of `joint_transducer_loss`: for posteriors and alignments."""
  lengths = frame_lengths, label_lengths
  return _edges(joint_fn, params, encoded, predicted, labels, *lengths, blank, None, chunk_nodes)[0]


def _edges(
  joint_fn,
  params,
  encoded,
  predicted,
  labels,
  frame_lengths,
  label_lengths,
  blank,
  clamp,
  chunk_nodes,
) -> tuple[Edges, Float[Array, "B"]]:
  grid = (encoded.shape[0], encoded.shape[1], predicted.shape[1])
  vocab_size = jax.eval_shape(joint_fn, params, encoded[0, 0], predicted[0, 0]).shape[-1]
  problem.check(grid, labels, frame_lengths, label_lengths, vocab_size=vocab_size, blank=blank)
  encoded, predicted = problem.clear_padding(encoded, predicted, frame_lengths, label_lengths)
  width = tiles.width(grid[2])
  chunk = max(1, chunk_nodes // (tiles.FRAMES * width))
  by_tile, unit = tile_edges(
    Visit(joint_fn, blank, clamp, tiles.FRAMES, width, chunk),
    params,
    encoded,
    predicted,
    problem.next_labels(labels, label_lengths, vocab_size),
    tiles.cover(frame_lengths, label_lengths, *grid[1:]),
  )
  by_node = (tiles.by_node(x, frame_lengths, label_lengths, *grid[1:]) for x in by_tile)
  return Edges(*by_node), unit
