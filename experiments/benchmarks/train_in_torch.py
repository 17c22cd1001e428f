"""The same network and step in PyTorch: nn.LSTM with proj_size, torchaudio's transducer loss.

nn.LSTM has two biases a layer where one does: bias_hh is zero, frozen and not counted. Its gates
are i f g o, as ours; its matrices are ours transposed. AdamW is the fused one.
"""

import time

import numpy as np
import torch
import torchaudio
from torch import nn

from edge_rnnt.model.config import RNNTConfig
from experiments.benchmarks.train_problem import Arrays, TrainProblem, weights_of
from experiments.benchmarks.train_settings import (
  BETAS,
  CLIP_NORM,
  EPSILON,
  MATMUL_SIZE,
  RATE,
  WEIGHT_DECAY,
)


class Network(nn.Module):
  """Features and labels -> all logits."""

  def __init__(self, config: RNNTConfig, weights: Arrays):
    super().__init__()
    self.config = config
    self.encoder = nn.ModuleList(
      lstm(weights, f"encoder/layer_{k}") for k in range(config.encoder_layers)
    )
    self.embedding = nn.Parameter(tensor(weights["prediction/embedding"]))
    self.prediction = nn.ModuleList(
      lstm(weights, f"prediction/layer_{k}") for k in range(config.prediction_layers)
    )
    self.of_encoded = linear(weights["joint/encoder"])
    self.of_predicted = linear(weights["joint/prediction"], weights["joint/bias"])
    self.output = linear(weights["joint/output_kernel"], weights["joint/output_bias"])

  def forward(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    reduction = self.config.time_reduction
    xs = nn.functional.pad(features, (0, 0, 0, -features.shape[1] % reduction))
    for k, layer in enumerate(self.encoder):
      if k == self.config.time_reduction_after:
        xs = xs.reshape(len(xs), -1, reduction * xs.shape[2])
      xs, _ = layer(xs)
    starts = labels.new_full((len(labels), 1), self.config.blank)
    ys = nn.functional.embedding(torch.cat([starts, labels], dim=1), self.embedding)
    for layer in self.prediction:
      ys, _ = layer(ys)
    hidden = self.of_encoded(xs)[:, :, None] + self.of_predicted(ys)[:, None]
    return self.output(torch.tanh(hidden))


def lstm(weights: Arrays, path: str) -> nn.LSTM:
  """A layer with the given weights. Raises ValueError for one that has no projection."""
  kernel, projection = weights[f"{path}/kernel"], weights.get(f"{path}/projection")
  if projection is None:
    raise ValueError(f"{path} has no projection: the benchmark is of LSTMs with one")
  cells, width = projection.shape
  inputs = len(kernel) - width
  made = nn.LSTM(inputs, cells, proj_size=width, batch_first=True)
  with torch.no_grad():
    made.weight_ih_l0.copy_(tensor(kernel[:inputs].T))
    made.weight_hh_l0.copy_(tensor(kernel[inputs:].T))
    made.weight_hr_l0.copy_(tensor(projection.T))
    made.bias_ih_l0.copy_(tensor(weights[f"{path}/bias"]))
    made.bias_hh_l0.zero_()
  made.bias_hh_l0.requires_grad_(False)
  return made


def linear(kernel: np.ndarray, bias: np.ndarray | None = None) -> nn.Linear:
  """x kernel + bias."""
  made = nn.Linear(*kernel.shape, bias=bias is not None)
  with torch.no_grad():
    made.weight.copy_(tensor(kernel.T))
    if bias is not None:
      made.bias.copy_(tensor(bias))
  return made


def tensor(array: np.ndarray) -> torch.Tensor:
  """A copy of its own."""
  return torch.from_numpy(np.array(array))


class Torch:
  """`update` is one step, to its end."""

  def __init__(self, problem: TrainProblem, arrays: Arrays):
    self._blank = problem.config.blank
    self._network = Network(problem.config, weights_of(arrays))
    learned = [each for each in self._network.parameters() if each.requires_grad]
    groups = [
      {"params": [each for each in learned if each.ndim >= 2], "weight_decay": WEIGHT_DECAY},
      {"params": [each for each in learned if each.ndim < 2], "weight_decay": 0.0},
    ]
    self._optimizer = torch.optim.AdamW(groups, RATE, betas=BETAS, eps=EPSILON, fused=True)
    self._learned = learned
    names = "features", "frame_lengths", "labels", "label_lengths"
    self._batch = [tensor(arrays[name]) for name in names]
    self._encoded = -(-self._batch[1] // problem.config.time_reduction)
    self.parameters = sum(each.numel() for each in learned)
    self._factors = torch.ones(2, MATMUL_SIZE, MATMUL_SIZE)

  def update(self) -> tuple[float, float]:
    """(loss, gradient norm before clipping)."""
    features, _, labels, label_lengths = self._batch
    self._optimizer.zero_grad(set_to_none=True)
    logits = self._network(features, labels.long())
    loss = torchaudio.functional.rnnt_loss(
      logits, labels, self._encoded, label_lengths, blank=self._blank, reduction="mean"
    )
    loss.backward()
    norm = nn.utils.clip_grad_norm_(self._learned, CLIP_NORM)
    self._optimizer.step()
    return float(loss), float(norm)

  def matmul(self) -> float:
    """Seconds of a large product."""
    begin = time.perf_counter()
    torch.matmul(*self._factors)
    return time.perf_counter() - begin
