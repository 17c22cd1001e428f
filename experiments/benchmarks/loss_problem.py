"""The problems of the loss benchmark, and their gradients in float64 by plain loops."""

import dataclasses
from typing import Any

import numpy as np

from edge_rnnt.loss import reference

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class LossProblem:
  kind: str  # "logits": they are given; "joint": encodings are given; "pruned": with a window of 5
  shape: tuple[int, ...]  # B, T, U + 1, V, and the joint network's width D
  ragged: bool

  @property
  def blank(self) -> int:
    return self.shape[3] - 1


_LOGITS = [(4, 150, 20, 28), (8, 150, 40, 128), (4, 200, 50, 1024), (2, 200, 50, 4096)]
_JOINT = [(8, 150, 40, 128, 256), (4, 200, 50, 1024, 256), (24, 40, 9, 70, 112)]

PROBLEMS = {
  f"{kind}-{i}{'-ragged' if ragged else ''}": LossProblem(kind, shape, ragged)
  for kind, shapes in {"logits": _LOGITS, "joint": _JOINT, "pruned": _JOINT[1:2]}.items()
  for i, shape in enumerate(shapes)
  for ragged in (False, True)
}


def draw(problem: LossProblem) -> Arrays:
  """Ragged: 40 to 100 % of the frames of given logits, 40 to 70 % of given encodings'."""
  batch, frames, nodes, vocab = problem.shape[:4]
  rng = np.random.default_rng(0)
  normal = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
  share = np.linspace(0.4, 1.0 if problem.kind == "logits" else 0.7, batch)
  share = share if problem.ragged else np.ones(batch)
  arrays = {
    "labels": rng.integers(0, problem.blank, (batch, nodes - 1)).astype(np.int32),
    "frame_lengths": np.round(share * frames).astype(np.int32),
    "label_lengths": np.round(share[::-1] * (nodes - 1)).astype(np.int32),
  }
  if problem.kind == "logits":
    return arrays | {"logits": normal(batch, frames, nodes, vocab)}
  width = problem.shape[4]
  arrays |= {
    "encoded": normal(batch, frames, width),
    "predicted": normal(batch, nodes, width),
    "kernel": normal(width, vocab) / np.sqrt(width, dtype=np.float32),
  }
  if problem.kind == "pruned":
    arrays |= {"am": normal(batch, frames, vocab), "lm": normal(batch, nodes, vocab)}
  return arrays


def true_gradient(problem: LossProblem, arrays: Arrays) -> Arrays:
  """Of the sum of the losses. Empty for the pruned loss: each peer picks its own windows."""
  if problem.kind == "pruned":
    return {}
  wide: dict[str, Any] = {k: np.zeros(v.shape) for k, v in arrays.items() if v.dtype == np.float32}
  for b, (t, u) in enumerate(zip(arrays["frame_lengths"], arrays["label_lengths"], strict=True)):
    labels = arrays["labels"][b, :u]
    if problem.kind == "logits":
      logits = arrays["logits"][b, :t, : u + 1]
      wide["logits"][b, :t, : u + 1] = reference.loss_and_gradient(
        logits, labels, blank=problem.blank
      )[1]
      continue
    hidden = np.tanh(
      arrays["encoded"][b, :t, None].astype(np.float64) + arrays["predicted"][b, None, : u + 1]
    )
    kernel = arrays["kernel"].astype(np.float64)
    _, d_logits = reference.loss_and_gradient(hidden @ kernel, labels, blank=problem.blank)
    wide["kernel"] += np.einsum("tud,tuv->dv", hidden, d_logits, optimize=True)
    d_sum = (d_logits @ kernel.T) * (1 - hidden**2)
    wide["encoded"][b, :t] = d_sum.sum(axis=1)
    wide["predicted"][b, : u + 1] = d_sum.sum(axis=0)
  return wide
