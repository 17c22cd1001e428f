"""Data parallelism: every device holds the whole state and some rows of the batch.

The train step is an ordinary jitted function; where its inputs lie decides how it runs.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def data_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
  """One axis, "data", over the given devices (default: all, of all processes)."""
  devices = jax.devices() if devices is None else list(devices)
  # Auto: the compiler places what the step computes; explicit axes would forbid plain reshapes.
  return jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def replicate(tree: Any, mesh: Mesh) -> Any:
  """The tree whole on every device."""
  return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def split_rows(arrays: Sequence[np.ndarray], mesh: Mesh) -> tuple[jax.Array, ...]:
  """This process's rows of a batch, spread over its devices.

  Raises ValueError unless the rows divide evenly.
  """
  sharding = NamedSharding(mesh, PartitionSpec("data"))
  rows, devices = len(arrays[0]), len(mesh.local_devices)
  if rows % devices:
    raise ValueError(
      f"a batch of {rows} utterances can't be split evenly over {devices} devices: "
      "make every bucket's size a multiple"
    )
  return tuple(jax.make_array_from_process_local_data(sharding, array) for array in arrays)
