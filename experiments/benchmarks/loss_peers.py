"""Who takes part in the loss benchmark, and who cannot here."""

import importlib
import importlib.util
import os

from experiments.benchmarks.loss_implementation import Implementation
from experiments.benchmarks.loss_problem import LossProblem, draw

# Module and class of each; a peer's module is imported where it runs, in a process of its own.
IMPLEMENTATIONS: dict[str, dict[str, tuple[str, str]]] = {
  "logits": {
    "edge_rnnt": ("loss_in_jax", "EdgeRnnt"),
    "edge_rnnt_donated": ("loss_in_jax", "EdgeRnntDonated"),
    "torchaudio": ("loss_in_torch", "Torchaudio"),
    "fast_rnnt": ("loss_in_torch", "FastRnnt"),
    "optimized_transducer": ("loss_in_torch", "OptimizedTransducer"),
    "paddle": ("loss_in_cpp", "Paddle"),
    "warp_transducer": ("loss_in_cpp", "WarpTransducer"),
    "axlearn": ("loss_in_jax", "Axlearn"),
  },
  "joint": {
    "edge_rnnt": ("loss_in_jax", "EdgeRnntJoint"),
    "edge_rnnt_materialized": ("loss_in_jax", "EdgeRnntMaterialized"),
    "torchaudio": ("loss_in_torch", "TorchaudioJoint"),
    "optimized_transducer": ("loss_in_torch", "OptimizedTransducerJoint"),
    "axlearn": ("loss_in_jax", "AxlearnJoint"),
    "last": ("loss_in_last", "LastJoint"),
  },
  "pruned": {
    "edge_rnnt_pruned": ("loss_in_jax", "EdgeRnntPruned"),
    "fast_rnnt": ("loss_in_torch", "FastRnntPruned"),
  },
}


def missing() -> dict[str, str]:
  """Peers that cannot be run here, and why."""
  modules = "torchaudio", "fast_rnnt", "optimized_transducer", "paddle", "axlearn", "last"
  reasons = {m: "not installed" for m in modules if importlib.util.find_spec(m) is None}
  if not os.path.isfile(os.environ.get("WARP_RNNT_LIBRARY", "")):
    reasons["warp_transducer"] = "WARP_RNNT_LIBRARY does not name its built shared library"
  elif importlib.util.find_spec("torch") is None:
    reasons["warp_transducer"] = "needs torch for the log-softmax"
  return reasons


def installed(kind: str) -> list[str]:
  return [impl for impl in IMPLEMENTATIONS[kind] if impl not in missing()]


def build(impl: str, problem: LossProblem) -> Implementation:
  module, name = IMPLEMENTATIONS[problem.kind][impl]
  module = importlib.import_module(f"experiments.benchmarks.{module}")
  return getattr(module, name)(problem, draw(problem))
