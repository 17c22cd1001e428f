"""Peers around the C++ of warp-transducer: its core by ctypes, and Paddle's fork of it."""

import ctypes
import os

import numpy as np

from experiments.benchmarks.loss_implementation import Implementation
from experiments.benchmarks.loss_problem import Arrays, LossProblem


class Paddle(Implementation):
  def __init__(self, problem: LossProblem, arrays: Arrays):
    import paddle

    super().__init__(problem, arrays)
    self.logits = paddle.to_tensor(arrays["logits"], stop_gradient=False)
    names = "labels", "frame_lengths", "label_lengths"
    self.rest = [paddle.to_tensor(arrays[name]) for name in names]

  def prepare(self) -> None:
    super().prepare()
    self.logits.clear_gradient()

  def run(self) -> None:
    import paddle.nn.functional as F

    log_p = F.log_softmax(self.logits)
    blank = self.problem.blank
    F.rnnt_loss(log_p, *self.rest, blank=blank, fastemit_lambda=0.0, reduction="sum").backward()

  def gradient(self) -> Arrays:
    return {"logits": self.logits.grad.numpy()}


class WarpTransducer(Implementation):
  """The C++ core by ctypes, torch's log_softmax before it and its derivative after it."""

  def __init__(self, problem: LossProblem, arrays: Arrays):
    import torch

    super().__init__(problem, arrays)
    self.library = ctypes.CDLL(os.environ["WARP_RNNT_LIBRARY"])
    self.logits = torch.from_numpy(arrays["logits"])
    batch, frames, nodes, _ = problem.shape
    size = ctypes.c_size_t()
    self.library.get_workspace_size(frames, nodes, batch, False, ctypes.byref(size), 4)
    self.workspace = np.zeros(size.value, np.uint8)
    self.costs = np.zeros(batch, np.float32)

    class Options(ctypes.Structure):
      _fields_ = (
        ("loc", ctypes.c_int),
        ("num_threads", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("blank_label", ctypes.c_int),
        ("maxT", ctypes.c_int),
        ("maxU", ctypes.c_int),
        ("batch_first", ctypes.c_bool),
      )

    self.options = Options(0, os.cpu_count(), None, problem.blank, frames, nodes, True)

  def run(self) -> None:
    import torch

    def at(array):
      address = array.data_ptr() if isinstance(array, torch.Tensor) else array.ctypes.data
      return ctypes.c_void_p(address)

    log_p = torch.log_softmax(self.logits, dim=-1)
    d_log_p = torch.zeros_like(log_p)
    lengths = at(self.arrays["label_lengths"]), at(self.arrays["frame_lengths"])
    batch, *_, vocab = self.problem.shape
    sizes = vocab, batch, at(self.costs), at(self.workspace), self.options
    status = self.library.compute_rnnt_loss(
      at(log_p), at(d_log_p), at(self.arrays["labels"]), *lengths, *sizes
    )
    if status:
      raise RuntimeError(f"compute_rnnt_loss returned {status}")
    self.result = torch._log_softmax_backward_data(d_log_p, log_p, -1, torch.float32)

  def gradient(self) -> Arrays:
    return {"logits": self.result.numpy()}
