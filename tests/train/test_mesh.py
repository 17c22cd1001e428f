import json
import subprocess
import sys

import numpy as np

# Runs in a process of its own: the number of devices is fixed when JAX starts.
LOSSES = """
import json, sys
import jax
jax.config.update("jax_num_cpu_devices", 8)
sys.path.insert(0, sys.argv[1])
from conftest import Line
from edge_rnnt.train.mesh import data_mesh, replicate, split_rows

line = Line()

def run(devices):
  mesh = data_mesh(jax.devices()[:devices])
  step, state, losses = line.make_step(1.0), replicate(line.state(), mesh), []
  for _, batch in zip(range(30), line.batches(0)):
    arrays = split_rows(batch.arrays, mesh)
    state, metrics = step(state, *arrays)
    losses.append(float(metrics["loss"]))
  spread = len({shard.device for shard in arrays[0].addressable_shards})
  return {"losses": losses, "devices": spread}

try:
  split_rows([jax.numpy.zeros((6, 2))], data_mesh())
except ValueError as error:
  refused = str(error)
print(json.dumps([run(1), run(8), refused]))
"""


def test_the_same_losses_on_1_and_on_8_devices(request):
  command = [sys.executable, "-c", LOSSES, str(request.path.parent)]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr
  one, eight, refused = json.loads(done.stdout.splitlines()[-1])
  assert (one["devices"], eight["devices"]) == (1, 8)
  np.testing.assert_allclose(one["losses"], eight["losses"], rtol=1e-5)
  assert eight["losses"][-1] < 0.5 * eight["losses"][0]
  assert "6 utterances can't be split evenly over 8 devices" in refused
