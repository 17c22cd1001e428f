"""Peers written for torch: torchaudio, fast_rnnt, optimized_transducer; imported when used."""

import numpy as np
import torch

from experiments.benchmarks.loss_implementation import Implementation
from experiments.benchmarks.loss_problem import Arrays, LossProblem


class _Torch(Implementation):
  """Leaves are tensors with a gradient; the batch is cut to its own longest, as peers demand."""

  leaves: tuple[str, ...]

  def __init__(self, problem: LossProblem, arrays: Arrays):
    super().__init__(problem, arrays)
    self.t, self.u = int(arrays["frame_lengths"].max()), int(arrays["label_lengths"].max())
    self.labels = torch.from_numpy(arrays["labels"][:, : self.u].copy())
    self.lengths = [torch.from_numpy(arrays[k]) for k in ("frame_lengths", "label_lengths")]
    self.given = {k: torch.from_numpy(arrays[k].copy()).requires_grad_() for k in self.leaves}

  def prepare(self) -> None:
    super().prepare()
    for leaf in self.given.values():
      leaf.grad = None

  def run(self) -> None:
    self.loss(**self.given).backward()

  def gradient(self) -> Arrays:
    return {k: v.grad.numpy() for k, v in self.given.items()}

  def logits_of(self, encoded, predicted, kernel):
    rows = encoded[:, : self.t, None], predicted[:, None, : self.u + 1]
    return torch.tanh(rows[0] + rows[1]) @ kernel

  def loss(self, **leaves):
    raise NotImplementedError

  def loss_of_logits(self, logits):
    raise NotImplementedError


class _TorchLogits(_Torch):
  leaves = ("logits",)

  def loss(self, logits):
    return self.loss_of_logits(logits[:, : self.t, : self.u + 1].contiguous())


class _TorchJoint(_Torch):
  leaves = ("encoded", "predicted", "kernel")

  def loss(self, encoded, predicted, kernel):
    return self.loss_of_logits(self.logits_of(encoded, predicted, kernel))


class _Torchaudio(_Torch):
  def loss_of_logits(self, logits):
    import torchaudio

    return torchaudio.functional.rnnt_loss(
      logits, self.labels, *self.lengths, blank=self.problem.blank, reduction="sum"
    )


class Torchaudio(_Torchaudio, _TorchLogits):
  pass


class TorchaudioJoint(_Torchaudio, _TorchJoint):
  pass


class _FastRnnt(_Torch):
  @property
  def boundary(self):
    t, u = self.lengths
    return torch.stack([torch.zeros_like(t), torch.zeros_like(t), u, t], dim=1).long()

  def loss_of_logits(self, logits):
    import fast_rnnt

    return fast_rnnt.rnnt_loss(
      logits, self.labels.long(), self.problem.blank, boundary=self.boundary, reduction="sum"
    )


class FastRnnt(_FastRnnt, _TorchLogits):
  pass


class FastRnntPruned(_FastRnnt):
  leaves = ("encoded", "predicted", "kernel", "am", "lm")

  def loss(self, encoded, predicted, kernel, am, lm):
    import fast_rnnt

    labels, blank, boundary = self.labels.long(), self.problem.blank, self.boundary
    am, lm = am[:, : self.t], lm[:, : self.u + 1]
    simple, (px, py) = fast_rnnt.rnnt_loss_smoothed(
      lm, am, labels, blank, 0.25, 0.0, boundary=boundary, reduction="sum", return_grad=True
    )
    ranges = fast_rnnt.get_rnnt_prune_ranges(px, py, boundary, 5)
    rows = fast_rnnt.do_rnnt_pruning(encoded[:, : self.t], predicted[:, : self.u + 1], ranges)
    logits = torch.tanh(rows[0] + rows[1]) @ kernel
    pruned = fast_rnnt.rnnt_loss_pruned(
      logits, labels, ranges, blank, boundary=boundary, reduction="sum"
    )
    return 0.5 * simple + pruned


class _OptimizedTransducer(_Torch):
  """Packed rows without padding; it writes the gradient over the logits."""

  def packed(self, x):
    t, u = (length.tolist() for length in self.lengths)
    parts = [x[b, : t[b], : u[b] + 1].reshape(-1, x.shape[-1]) for b in range(len(t))]
    return torch.cat(parts)

  def loss_of_packed(self, logits):
    import optimized_transducer

    return optimized_transducer.transducer_loss(
      logits, self.labels, *self.lengths, self.problem.blank, False, reduction="sum"
    )


class OptimizedTransducer(_OptimizedTransducer):
  """Donated: the packed logits are made before the clock starts."""

  leaves = ()

  def prepare(self) -> None:
    super().prepare()
    self.rows = None
    self.rows = self.packed(torch.from_numpy(self.arrays["logits"])).clone().requires_grad_()

  def run(self) -> None:
    self.loss_of_packed(self.rows).backward()

  def gradient(self) -> Arrays:
    gradient, start = np.zeros_like(self.arrays["logits"]), 0
    for b, (t, u) in enumerate(zip(*(length.tolist() for length in self.lengths), strict=True)):
      rows = self.rows.grad[start : start + t * (u + 1)].numpy()
      gradient[b, :t, : u + 1] = rows.reshape(t, u + 1, -1)
      start += t * (u + 1)
    return {"logits": gradient}


class OptimizedTransducerJoint(_OptimizedTransducer):
  leaves = ("encoded", "predicted", "kernel")

  def loss(self, encoded, predicted, kernel):
    full = (len(encoded), self.t, self.u + 1, encoded.shape[-1])
    rows = (
      self.packed(x.expand(full))
      for x in (encoded[:, : self.t, None], predicted[:, None, : self.u + 1])
    )
    return self.loss_of_packed(torch.tanh(sum(rows)) @ kernel)
