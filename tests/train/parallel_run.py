"""Short trainings of a small RNN-T, told as JSON: run by test_mesh.py in processes of its own.

python parallel_run.py DEVICES WAY... [coordinator=HOST:PORT processes=N process=I]

A WAY to train is whole, fsdp, parts (each device's rows in two, one after another) or dropout.
"""

import json
import sys

import jax
import numpy as np

OPTIONS = dict(each.partition("=")[::2] for each in sys.argv[2:])
DEVICES, STEPS, ROWS = int(sys.argv[1]), 12, 16
jax.config.update("jax_num_cpu_devices", max(DEVICES, 1))

from edge_rnnt.inputs.alignment import UNKNOWN  # noqa: E402
from edge_rnnt.model.config import RNNTConfig  # noqa: E402
from edge_rnnt.model.rnnt import RNNT, init  # noqa: E402
from edge_rnnt.prune import schedule, transform  # noqa: E402
from edge_rnnt.train import optimizer, processes, state, step  # noqa: E402
from edge_rnnt.train.mesh import Layout, on_this_process  # noqa: E402

CONFIG = RNNTConfig(
  feature_dim=8, vocab_size=6, encoder_cell="sru", encoder_layers=2, encoder_cells=16,
  encoder_projection=8, prediction_cell="sru",
  time_reduction_after=1, embedding_dim=8, prediction_layers=1, prediction_cells=16,
  prediction_projection=8, joint_dim=8, ctc=True,
)  # fmt: skip


def batches():
  """The same rows for everyone: lengths differ, the last row is empty."""
  rng = np.random.default_rng(0)
  for _ in range(STEPS):
    frames, counts = rng.integers(10, 17, ROWS), rng.integers(1, 4, ROWS)
    frames[-1], counts[-1] = 0, 0
    yield (
      rng.normal(size=(ROWS, 16, 8)).astype(np.float32),
      frames.astype(np.int32),
      rng.integers(0, 5, (ROWS, 3)).astype(np.int32),
      counts.astype(np.int32),
      np.where(rng.random((ROWS, 16)) < 0.5, UNKNOWN, 1).astype(np.int32),
    )


def refused(layout: Layout) -> str:
  """What is said of six rows, where they don't divide."""
  try:
    layout.split_rows([np.zeros((6, 2))])
  except ValueError as error:
    return str(error)
  return ""


def trained(way: str) -> dict:
  """The same training in one way, and what its arrays look like."""
  layout = Layout(fsdp=way == "fsdp", smallest=64)
  link = transform.gradual(schedule.cubic(2, 8, 0.5), block=(2, 1), every=2)
  chain = optimizer.adamw(0.02, prune=link)
  train_step = step.make_train_step(
    RNNT(CONFIG), chain, transducer_weight=1.0, ctc_weight=0.3, alignment_weight=0.5,
    emission=(1, 4), dropout=0.2 if way == "dropout" else 0.0,
    ema_decay=0.9, layout=layout, accumulate=2 if way == "parts" else 1,
  )  # fmt: skip
  params = init(CONFIG, jax.random.key(0))
  now = layout.place(state.create(params, chain, jax.random.key(1), ema=True))
  losses, sparsity = [], 0.0
  mine = slice(jax.process_index(), None, jax.process_count())
  for batch in batches():
    now, metrics = train_step(now, *layout.split_rows([array[mine] for array in batch]))
    losses.append(float(metrics["loss"]))
    sparsity = float(metrics["sparsity"])
  whole = on_this_process(state.inference_params(now))
  kernel = now.params["encoder"]["layer_1"]["kernel"]
  mask = transform.find(now.opt_state).masks["encoder/layer_1/kernel"]
  return {
    "losses": losses,
    "sparsity": sparsity,
    "sum": float(sum(np.abs(leaf).sum() for leaf in jax.tree.leaves(jax.device_get(whole)))),
    "devices": jax.device_count(),
    "kernel_shards": len({str(shard.index) for shard in kernel.addressable_shards}),
    "kernel_spec": str(kernel.sharding.spec),
    "mask_spec": str(mask.sharding.spec),
    "refused": refused(layout),
  }


def main() -> None:
  if "coordinator" in OPTIONS:
    count, number = int(OPTIONS["processes"]), int(OPTIONS["process"])
    processes.connect(OPTIONS["coordinator"], count, number)
  ways = [each for each in ("whole", "fsdp", "parts", "dropout") if each in OPTIONS]
  print(json.dumps({way: trained(way) for way in ways}), flush=True)


if __name__ == "__main__":
  main()
