"""One run on one device, on eight, in shares, in parts, in two processes: the same losses."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from edge_rnnt.train import processes

SCRIPT = pathlib.Path(__file__).with_name("parallel_run.py")
# Rows are added up in another order: float32's last bits, and what twelve updates make of them.
TOLERANCE = 2e-4


def start(*arguments: str) -> subprocess.Popen:
  # In a process of its own: the number of devices is fixed when JAX starts.
  root = str(SCRIPT.parents[2])
  env = {**os.environ, "PYTHONPATH": root, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
  command = [sys.executable, str(SCRIPT), *arguments]
  return subprocess.Popen(
    command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=root
  )


def told(process: subprocess.Popen) -> dict:
  out, error = process.communicate(timeout=300)
  assert process.returncode == 0, error
  return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def on_one() -> dict:
  """By way of training, on one device."""
  return told(start("1", "whole", "dropout"))


@pytest.fixture(scope="module")
def alone(on_one) -> dict:
  return on_one["whole"]


@pytest.fixture(scope="module")
def eight() -> dict:
  """By way of training, on eight devices."""
  return told(start("8", "whole", "fsdp", "parts", "dropout"))


def same(one: dict, other: dict) -> None:
  np.testing.assert_allclose(one["losses"], other["losses"], rtol=TOLERANCE)
  np.testing.assert_allclose(one["sum"], other["sum"], rtol=TOLERANCE)
  assert one["sparsity"] == other["sparsity"] == 0.5


def test_a_run_that_learns_and_prunes(alone):
  assert alone["losses"][-1] < 0.7 * alone["losses"][0]
  assert alone["devices"] == 1 and alone["sparsity"] == 0.5


def test_eight_devices_give_the_losses_of_one(alone, eight):
  whole = eight["whole"]
  same(alone, whole)
  assert (whole["devices"], whole["kernel_shards"]) == (8, 1)  # the kernel is whole on each
  assert "6 utterances can't be split evenly over 8 devices" in whole["refused"]


def test_parameters_and_masks_in_shares_give_them_too(alone, eight):
  shares = eight["fsdp"]
  same(alone, shares)
  assert shares["kernel_shards"] == 8
  assert shares["kernel_spec"] == shares["mask_spec"] == "P(None, 'data')"


def test_a_batch_in_parts_gives_the_update_of_the_whole(alone, eight):
  same(alone, eight["parts"])


def test_dropout_drops_the_same_units_of_a_row_on_whatever_device(on_one, eight):
  same(on_one["dropout"], eight["dropout"])
  assert max(np.abs(np.subtract(on_one["dropout"]["losses"], on_one["whole"]["losses"]))) > 0.05


def test_two_processes_over_loopback_give_them_too(alone):
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    address = f"coordinator=127.0.0.1:{free.getsockname()[1]}"
  both = [start("1", "whole", address, "processes=2", f"process={number}") for number in (0, 1)]
  try:
    first, second = (told(process)["whole"] for process in both)
  finally:
    for process in both:
      process.kill()
  assert first == second and first["devices"] == 2
  same(alone, first)


@pytest.mark.parametrize("variable", sorted(processes.TASKS))
def test_tasks_that_know_nothing_of_each_other_are_refused(variable, monkeypatch):
  monkeypatch.setenv(variable, "2")
  with pytest.raises(processes.BadCluster, match=r"2 tasks.*--coordinator=auto"):
    processes.connect(None)
  monkeypatch.setenv(variable, "1")
  processes.connect(None)
  assert jax.process_count() == 1


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ((None, 2, 0), "needs --coordinator"),
    (("127.0.0.1:1", None, 0), "--num_processes"),
    (("127.0.0.1:1", 2, None), "--process_id"),
    (("127.0.0.1:1", 2, 2), "--process_id=2 of --num_processes=2"),
  ],
)
def test_a_cluster_that_cannot_be_is_told(arguments, message, monkeypatch):
  for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID"):
    monkeypatch.delenv(f"JAX_{name}", raising=False)
  with pytest.raises(processes.BadCluster, match=message):
    processes.connect(*arguments)
  assert jax.process_count() == 1
