"""The transducer loss twice more, to read and to compare with: by enumeration, and by plain loops.

NumPy, float64, one utterance at a time. Nothing here is fast; the second form is the truth of the
tests and of the benchmark.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int


def alignments(frames: int, labels: int) -> Iterator[list[bool]]:
  """Every order of `frames` blanks (False) and `labels` labels (True); the last is a blank."""
  if frames == 0:
    yield from [[]] if labels == 0 else []
    return
  for places in itertools.combinations(range(frames - 1 + labels), labels):
    yield [step in places for step in range(frames - 1 + labels)] + [False]


def loss_by_enumeration(
  logits: Float[np.ndarray, "T U1 V"], labels: Int[np.ndarray, "U"], *, blank: int
) -> float:
  """-log of the summed probability of every alignment, one after the other."""
  log_p = log_softmax(logits)
  scores = []
  for alignment in alignments(logits.shape[0], len(labels)):
    t = u = 0
    score = 0.0
    for emits in alignment:
      score += log_p[t, u, labels[u] if emits else blank]
      t, u = (t, u + 1) if emits else (t + 1, u)
    scores.append(score)
  return -np.logaddexp.reduce(scores) if scores else np.inf


def loss_and_gradient(
  logits: Float[np.ndarray, "T U1 V"], labels: Int[np.ndarray, "U"], *, blank: int
) -> tuple[float, Float[np.ndarray, "T U1 V"]]:
  """The loss and its derivative by the textbook's forward and backward variables (Graves 2012)."""
  log_p = log_softmax(logits)
  frames, nodes, _ = log_p.shape
  alpha = np.full((frames + 1, nodes), -np.inf)  # the row T is reached by the last blank
  beta = np.full((frames + 1, nodes + 1), -np.inf)
  alpha[0, 0] = beta[frames, nodes - 1] = 0.0
  label = np.full((frames, nodes), -np.inf)
  label[:, :-1] = log_p[:, np.arange(nodes - 1), labels]
  for t, u in itertools.product(range(frames), range(nodes)):
    alpha[t + 1, u] = np.logaddexp(alpha[t + 1, u], alpha[t, u] + log_p[t, u, blank])
    if u + 1 < nodes:
      alpha[t, u + 1] = np.logaddexp(alpha[t, u + 1], alpha[t, u] + label[t, u])
  for t, u in itertools.product(reversed(range(frames)), reversed(range(nodes))):
    beta[t, u] = np.logaddexp(log_p[t, u, blank] + beta[t + 1, u], label[t, u] + beta[t, u + 1])
  log_likelihood = beta[0, 0]
  gradient = np.exp(log_p + (alpha[:-1] + beta[:-1, :-1] - log_likelihood)[..., None])
  through = alpha[:-1] - log_likelihood
  gradient[..., blank] -= np.exp(through + log_p[..., blank] + beta[1:, :-1])
  for u in range(nodes - 1):
    gradient[:, u, labels[u]] -= np.exp(through[:, u] + label[:, u] + beta[:-1, u + 1])
  return -log_likelihood, gradient


def log_softmax(logits: Float[np.ndarray, "*n V"]) -> Float[np.ndarray, "*n V"]:
  x = np.asarray(logits, np.float64)
  x = x - x.max(axis=-1, keepdims=True)
  return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
