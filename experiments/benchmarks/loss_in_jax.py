"""Our losses and AXLearn's, jitted, each with its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.loss.pruned import pruned_transducer_loss
from edge_rnnt.loss.transducer import transducer_loss
from experiments.benchmarks.loss_implementation import Implementation
from experiments.benchmarks.loss_problem import Arrays, LossProblem


class _Jax(Implementation):
  """A jitted gradient with respect to `leaves` of a loss that takes all arrays."""

  leaves: tuple[str, ...]
  donate = False

  def __init__(self, problem: LossProblem, arrays: Arrays):
    super().__init__(problem, arrays)
    self.constants = {k: jax.device_put(v) for k, v in arrays.items() if k not in self.leaves}
    self.jitted = jax.jit(
      jax.value_and_grad(lambda given, constants: self.loss(**given, **constants).sum()),
      donate_argnums=0 if self.donate else (),
    )
    self.given = None
    self.prepare()

  def prepare(self) -> None:
    super().prepare()
    if self.donate or self.given is None:
      self.given = None
      self.given = jax.block_until_ready({k: jnp.array(self.arrays[k]) for k in self.leaves})

  def run(self) -> None:
    self.result = jax.block_until_ready(self.jitted(self.given, self.constants))

  def gradient(self) -> Arrays:
    return {k: np.asarray(v) for k, v in self.result[1].items()}

  def loss(self, **arrays):
    raise NotImplementedError


class EdgeRnnt(_Jax):
  leaves = ("logits",)

  def loss(self, logits, labels, frame_lengths, label_lengths):
    return transducer_loss(logits, labels, frame_lengths, label_lengths, blank=self.problem.blank)


class EdgeRnntDonated(EdgeRnnt):
  donate = True


class JaxJoint(_Jax):
  leaves = ("encoded", "predicted", "kernel")

  @staticmethod
  def joint_fn(kernel, encoded, predicted):
    return jnp.tanh(encoded + predicted) @ kernel


class EdgeRnntJoint(JaxJoint):
  def loss(self, encoded, predicted, kernel, labels, frame_lengths, label_lengths):
    given = kernel, encoded, predicted, labels, frame_lengths, label_lengths
    return joint_transducer_loss(self.joint_fn, *given, blank=self.problem.blank)


class EdgeRnntMaterialized(JaxJoint):
  """transducer_loss of all logits: what the chunks save."""

  def loss(self, encoded, predicted, kernel, labels, frame_lengths, label_lengths):
    logits = self.joint_fn(kernel, encoded[:, :, None], predicted[:, None])
    return transducer_loss(logits, labels, frame_lengths, label_lengths, blank=self.problem.blank)


class EdgeRnntPruned(JaxJoint):
  leaves = ("encoded", "predicted", "kernel", "am", "lm")

  def loss(self, encoded, predicted, kernel, am, lm, labels, frame_lengths, label_lengths):
    given = kernel, encoded, predicted, am, lm, labels, frame_lengths, label_lengths
    both = pruned_transducer_loss(self.joint_fn, *given, blank=self.problem.blank, window=5)
    return 0.5 * both.simple + both.pruned


def axlearn_loss(blank_log_p, label_log_p, frame_lengths, label_lengths):
  from axlearn.common.transducer import apply_paddings, log_prob_alignments

  padded = checkify.checkify(apply_paddings, errors=checkify.user_checks)

  def one(blank_log_p, label_log_p, frames, count):
    _, log_p = padded(
      log_prob_blank=blank_log_p,
      log_prob_y=label_log_p,
      am_paddings=(jnp.arange(blank_log_p.shape[0]) >= frames).astype(jnp.int32),
      lm_paddings=(jnp.arange(blank_log_p.shape[1]) > count).astype(jnp.int32),
    )
    return -log_prob_alignments(**log_p)

  return jax.vmap(one)(blank_log_p, label_log_p, frame_lengths, label_lengths)


class Axlearn(_Jax):
  leaves = ("logits",)

  def loss(self, logits, labels, frame_lengths, label_lengths):
    log_p = jax.nn.log_softmax(logits)
    following = jnp.pad(labels, ((0, 0), (0, 1)))
    one_hot = jax.nn.one_hot(following, logits.shape[-1])[:, None]
    return axlearn_loss(
      log_p[..., self.problem.blank], (log_p * one_hot).sum(-1), frame_lengths, label_lengths
    )


class AxlearnJoint(JaxJoint):
  """Log-probabilities by a map over frames, as its Transducer layer makes them."""

  def loss(self, encoded, predicted, kernel, labels, frame_lengths, label_lengths):
    def one(encoded, predicted, labels):
      one_hot = jax.nn.one_hot(jnp.pad(labels, (0, 1)), kernel.shape[-1])

      def frame(row):
        log_p = jax.nn.log_softmax(self.joint_fn(kernel, row, predicted))
        return log_p[:, self.problem.blank], (log_p * one_hot).sum(-1)

      return jax.lax.map(frame, encoded)

    return axlearn_loss(*jax.vmap(one)(encoded, predicted, labels), frame_lengths, label_lengths)
