"""One run on several processes, each with its own devices: what they must do together or in turn.

Every process runs the same program and asks for the same steps (JAX's rule). Only the first one
writes results; checkpoints are written by all, as orbax wants it. With one process all of this
costs nothing.
"""

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

HEARTBEAT_SECONDS = 100
"""A process silent for so long is dead, and the others end too: a scheduler restarts all."""

LAST_SECONDS = 24 * 3600
"""How long those that are done wait for the first one, which exports and measures alone."""


TASKS = {"SLURM_STEP_NUM_TASKS": "a Slurm step", "OMPI_COMM_WORLD_SIZE": "an Open MPI job"}
"""Variables that tell a process how many were started with it."""


class BadCluster(ValueError):
  """Processes that can't be brought together; the message says what is missing."""


def connect(
  coordinator: str | None, num_processes: int | None = None, process_id: int | None = None
) -> None:
  """Joins this process to the others of its run, before anything else is done with JAX.

  coordinator: "auto" asks Slurm, a TPU pod, Open MPI or Kubernetes; HOST:PORT is an address of
  process 0, and the number of processes and this one's are given, or stand in JAX_NUM_PROCESSES and
  JAX_PROCESS_ID. None: one process, unless JAX_COORDINATOR_ADDRESS names an address.

  Raises BadCluster, also for one of several tasks that nobody told of the others: each would train
  alone, and all write to one place.
  """
  coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
  if not coordinator:
    if num_processes or process_id:
      raise BadCluster("a number of processes needs --coordinator: HOST:PORT of process 0, or auto")
    _check_alone()
    return
  if coordinator == "auto":
    where: dict[str, Any] = {}
  else:
    num_processes = _given(num_processes, "num_processes", "JAX_NUM_PROCESSES")
    process_id = _given(process_id, "process_id", "JAX_PROCESS_ID")
    if not 0 <= process_id < num_processes:
      raise BadCluster(f"--process_id={process_id} of --num_processes={num_processes}")
    # Else a Slurm job around it would be asked for the rest.
    where = {"coordinator_address": coordinator, "cluster_detection_method": "deactivate"}
    where |= {"num_processes": num_processes, "process_id": process_id}
  jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is train/stop.py's
  try:
    jax.distributed.initialize(
      **where,
      heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
      shutdown_timeout_seconds=LAST_SECONDS,
    )
  except ValueError as error:
    raise BadCluster(
      f"--coordinator={coordinator}: {error} Is this a Slurm step (srun), a TPU pod, Open MPI or "
      "Kubernetes? If not, give HOST:PORT, --num_processes and --process_id."
    ) from error


def _check_alone() -> None:
  for variable, where in TASKS.items():
    tasks = os.environ.get(variable, "")
    if tasks.isdigit() and int(tasks) > 1:
      raise BadCluster(
        f"this is one of the {tasks} tasks of {where} (${variable}), and without --coordinator "
        "each would be a run of its own in the same workdir: add --coordinator=auto, or start one "
        f"task. If each has a workdir of its own, start them with env -u {variable}"
      )


def _given(value: int | None, flag: str, variable: str) -> int:
  text = os.environ.get(variable) if value is None else str(value)
  if text is None or not text.isdigit():
    raise BadCluster(
      f"--coordinator with an address needs --{flag} too, or ${variable}; got {text!r}"
    )
  return int(text)


def is_first() -> bool:
  """Whether this process writes what only one may write, and speaks to the user."""
  return jax.process_index() == 0


def tell(text: str) -> None:
  """A line for the user, from one of several processes."""
  if is_first():
    print(text, flush=True)


@contextlib.contextmanager
def first_alone(what: str) -> Iterator[None]:
  """The first process runs the block while the others wait; then these find what it left behind.

  For what fills a cache. `what` names the place in the program: every process must come by.
  """
  if not is_first():
    wait_for_all(what)
  try:
    yield
  finally:
    if is_first():
      wait_for_all(what)


def wait_for_all(what: str) -> None:
  """Returns when every process has come to the place of that name."""
  if jax.process_count() > 1:
    multihost_utils.sync_global_devices(what)


def as_the_first(flag: bool) -> bool:
  """What the first process says: clocks differ, and all must decide alike."""
  if jax.process_count() == 1:
    return flag
  return bool(multihost_utils.broadcast_one_to_all(np.asarray(flag)))


def of_all(flag: bool) -> bool:
  """Whether it is so in every process."""
  if jax.process_count() == 1:
    return flag
  return bool(np.all(multihost_utils.process_allgather(np.asarray(flag))))


def largest(mine: int) -> jax.Array:
  """The largest of all processes' numbers, as a scalar that is still on its way."""
  everywhere = _everywhere()
  local = np.full(len(everywhere.mesh.local_devices), mine, np.int32)
  return _maximum(everywhere.mesh)(jax.make_array_from_process_local_data(everywhere, local))


@functools.cache
def _everywhere() -> NamedSharding:
  mesh = jax.make_mesh((jax.device_count(),), ("all",), axis_types=(AxisType.Auto,))
  return NamedSharding(mesh, PartitionSpec("all"))


@functools.cache
def _maximum(mesh: Mesh) -> Callable[[jax.Array], jax.Array]:
  return jax.jit(jnp.max, out_shardings=NamedSharding(mesh, PartitionSpec()))


def joined(mine: Sequence[Any]) -> list[Any]:
  """The lists of all processes (of JSON values), one after another."""
  if jax.process_count() == 1:
    return list(mine)
  text = np.frombuffer(json.dumps(list(mine)).encode(), np.uint8)
  sizes = np.asarray(multihost_utils.process_allgather(np.asarray(len(text))))
  padded = np.zeros(int(sizes.max()), np.uint8)
  padded[: len(text)] = text
  texts = np.asarray(multihost_utils.process_allgather(padded))
  lists = [json.loads(row[:size].tobytes()) for row, size in zip(texts, sizes, strict=True)]
  return [each for one in lists for each in one]
