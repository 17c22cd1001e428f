"""The run of test_loop.py on several devices or processes, told as JSON: run by test_processes.py.

python stopped_run.py WORKDIR DEVICES [fsdp] [coordinator=HOST:PORT processes=N process=I]
  [signal=NUMBER at=UPDATE]     to this process, before that update; 0: before its first
"""

import dataclasses
import json
import os
import pathlib
import sys
import time

import jax
import numpy as np

OPTIONS = dict(each.partition("=")[::2] for each in sys.argv[3:])
jax.config.update("jax_num_cpu_devices", int(sys.argv[2]))

from conftest import Line  # noqa: E402

from edge_rnnt.inputs.batching import Batch  # noqa: E402
from edge_rnnt.train import processes  # noqa: E402
from edge_rnnt.train.loop import Stage, fit  # noqa: E402
from edge_rnnt.train.mesh import Layout, on_this_process  # noqa: E402
from edge_rnnt.train.retention import Retention  # noqa: E402

STEPS = 40
SECONDS = 0.04
"""Of every update, so that a signal strikes while there is still something to do."""


def rows() -> np.ndarray:
  """This process's; a device has the same in one process and in several."""
  first = jax.process_index() * jax.local_device_count()
  mine = range(first, first + jax.local_device_count())
  return np.concatenate([np.arange(each, 8, jax.device_count()) for each in mine])


def batches(line: Line, start: int):
  mine, strikes = rows(), OPTIONS.get("at", "")
  for number, batch in enumerate(line.batches(start), start + 1):
    if strikes and number == (int(strikes) or start + 1):
      os.kill(os.getpid(), int(OPTIONS["signal"]))
    time.sleep(SECONDS)
    fields = dataclasses.asdict(batch) | {"ids": np.asarray(batch.ids)}
    yield Batch(**{name: field[mine] for name, field in fields.items()})


def main() -> None:
  if "coordinator" in OPTIONS:
    count, number = int(OPTIONS["processes"]), int(OPTIONS["process"])
    processes.connect(OPTIONS["coordinator"], count, number)
  layout, line = Layout(fsdp="fsdp" in OPTIONS, smallest=8), Line()
  steps = [line.make_step(weight, layout=layout) for weight in (1.0, 0.5)]
  state = fit(
    line.state(),
    stages=[Stage("first", 15, steps[0], "dense"), Stage("second", STEPS - 15, steps[1], "sparse")],
    batches=lambda start: batches(line, start),
    workdir=pathlib.Path(sys.argv[1]),
    save_seconds=0.2,
    layout=layout,
    retention=Retention(average=3, spacing=4),
  )
  spec = str(state.params["model"]["layer_0"]["kernel"].sharding.spec)
  told = {"digest": line.digest(on_this_process(state)), "spec": spec, "step": int(state.step)}
  print(json.dumps(told), flush=True)


if __name__ == "__main__":
  main()
