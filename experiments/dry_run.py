"""--dry_run: what a run would be. Its steps are compiled and asked, nothing is trained."""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from edge_rnnt.evaluate.size import size
from edge_rnnt.inputs.buckets import Bucket
from edge_rnnt.train.loop import Stage
from experiments.build import Run
from experiments.speech import Speech

GIB = 2**30


def told(config: ConfigDict, speech: Speech, run: Run) -> str:
  """Data, model, memory and work of an update of each stage, in lines.

  Work and memory are the compiler's own estimates for the largest bucket, on one device.
  """
  sources = ", ".join(f"{name} {len(source)}" for name, source in speech.train.items())
  kind, count = jax.devices()[0].device_kind, jax.device_count()
  leaves = jax.tree.leaves(run.state.replace(rng=None))
  state_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
  counted = size(run.state)
  lines = [
    f"Devices: {count} ({kind}) in {jax.process_count()} process(es); "
    f"the state {'in shares' if config.fsdp else 'whole on each'}",
    f"Training utterances: {sources}; {len(speech.left_out.rejected)} left out",
    f"Word-pieces: {speech.pieces.vocab_size}; stacked frames of {speech.front_end.feature_dim}",
    f"Parameters: {counted.params:,} on the device, {_count(run.state.params):,} in training",
    f"Training state: {state_bytes / GIB:.3f} GiB (parameters, optimizer, masks, average)",
    "Batches (utterances x frames, labels): "
    + "; ".join(f"{each.size} x {each.frames}, {each.labels}" for each in run.plan.buckets),
    f"Updates: {sum(stage.steps for stage in run.stages):,}",
  ]
  largest = max(run.plan.buckets, key=lambda each: each.size * each.frames)
  lines += [f"  {_stage(stage, run, largest)}" for stage in run.stages]
  return "\n".join(lines)


def _stage(stage: Stage, run: Run, bucket: Bucket) -> str:
  state, rows, features = run.layout.place(run.state), bucket.size, run.model.config.feature_dim
  sharding = run.layout.split_rows([np.zeros(rows // jax.process_count())])[0].sharding
  shapes = [
    ((rows, bucket.frames, features), jnp.float32), ((rows,), jnp.int32),
    ((rows, bucket.labels), jnp.int32), ((rows,), jnp.int32), ((rows, bucket.frames), jnp.int32),
  ]  # fmt: skip
  batch = [jax.ShapeDtypeStruct(*each, sharding=sharding) for each in shapes]
  compiled = stage.step.lower(state, *batch).compile()
  memory, cost = compiled.memory_analysis(), compiled.cost_analysis() or {}
  # XLA looks into a loop once: a recurrence's products in it count as one frame's.
  work = f"{cost['flops'] / 1e9:.2f} GFLOP outside of loops" if "flops" in cost else "unknown work"
  room = f"{memory.temp_size_in_bytes / GIB:.3f} GiB" if memory else "unknown memory"
  return f"{stage.name}: {stage.steps:,} updates, each {work}, {room} beside the state"


def _count(params: object) -> int:
  return sum(leaf.size for leaf in jax.tree.leaves(params))
