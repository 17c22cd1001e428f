"""LAST (last-asr) as an RNN-T: a library of lattices, given what makes its lattice an ordinary one.

Its states are what has been written so far: here the number of labels. Its own alignments allow a
fixed number of labels per frame, one array operation each; `AnyLabels` allows all of them.
"""

import dataclasses

import jax
import jax.numpy as jnp
import last
from last import contexts, weight_fns

from experiments.benchmarks.loss_in_jax import JaxJoint


@dataclasses.dataclass(frozen=True)
class LabelCount(contexts.ContextDependency):
  """State u: u labels have been written. Only what a loss of known labels asks for."""

  nodes: int
  vocabulary: int  # without blank

  def shape(self):
    return self.nodes, self.vocabulary

  def start(self):
    return 0

  def next_state(self, state, label):
    return jnp.where(label > 0, jnp.minimum(state + 1, self.nodes - 1), state)

  def forward_reduce(self, weights, semiring):
    raise NotImplementedError("sums over all label sequences")

  def backward_broadcast(self, weights):
    raise NotImplementedError("sums over all label sequences")


class AnyLabels(last.alignments.TimeSyncAlignmentLattice):
  """Any number of labels in a frame, then a blank.

    after(u) = alpha(u) + after(u-1) lexical(u-1)

  A scan over u: an associative one was slower (531 ms against 471 of the whole at joint-1).
  """

  def num_states(self):
    return 1

  def start(self):
    return 0

  def blank_next(self, state):
    return 0

  def lexical_next(self, state):
    return 0

  def topological_visit(self):
    return [0]

  def forward(self, alpha, blank, lexical, context, semiring):
    raise NotImplementedError("sums over all label sequences")

  def backward(self, alpha, blank, lexical, beta, log_z, context):
    raise NotImplementedError("sums over all label sequences")

  def string_forward(self, alpha, blank, lexical, semiring):
    def one_label(before, weights):
      entering, alpha = weights
      after = semiring.plus(semiring.times(before, entering), alpha)
      return after, after

    entering = last.alignments.shift_down(lexical[0], semiring)
    nothing = semiring.zeros(alpha.shape[:-1], alpha.dtype)
    _, after = jax.lax.scan(one_label, nothing, (entering.T, alpha.T))
    return semiring.times(after.T, blank[0])


class JointWeights(weight_fns.LocallyNormalizedWeightFn):
  """tanh(encoded + predicted) kernel, log-softmax; the cache holds predicted and kernel."""

  weight_fn: None = None  # nothing to wrap: normalized here

  def __call__(self, cache, frame, state=None):
    predicted, kernel = cache
    row = jnp.take_along_axis(predicted, state[:, None, None], axis=1)[:, 0]
    log_p = jax.nn.log_softmax(jnp.tanh(frame + row) @ kernel)
    return log_p[..., -1], log_p[..., :-1]


class LastJoint(JaxJoint):
  """Its labels count from 1 and blank is apart."""

  def loss(self, encoded, predicted, kernel, labels, frame_lengths, label_lengths):
    nodes, vocabulary = predicted.shape[1], kernel.shape[1]
    lattice = last.RecognitionLattice(
      context=LabelCount(nodes, vocabulary - 1),
      alignment=AnyLabels(),
      weight_fn_cacher_factory=lambda context: weight_fns.NullCacher(),
      weight_fn_factory=lambda context: JointWeights(),
    )
    cache = predicted, kernel
    return lattice.apply({}, encoded, frame_lengths, labels + 1, label_lengths, cache=cache)
