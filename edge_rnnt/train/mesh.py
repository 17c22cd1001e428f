"""Where arrays lie: rows of a batch on different devices, the state whole on each or in shares.

The train step is an ordinary jitted function; where its inputs lie decides how it runs.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from edge_rnnt import trees

AXIS = "data"

SMALLEST = 1 << 12
"""Elements of the smallest array worth sharing out: biases and gains stay whole."""


@dataclasses.dataclass(frozen=True)
class Layout:
  """Devices, and whether each holds the whole training state or a share of every large array.

  Attributes:
    devices: all devices of all processes if None.
    fsdp: fully sharded data parallelism (Rajbhandari et al. 2020): parameters, their average, the
      optimizer's moments and the masks are shared out; a step gathers the parameters it computes
      with, and each device updates its share.
    smallest: arrays of fewer elements stay whole.
  """

  devices: tuple[jax.Device, ...] | None = None
  fsdp: bool = False
  smallest: int = SMALLEST

  @cached_property
  def mesh(self) -> Mesh:
    """One axis, "data", over the devices."""
    devices = self.devices or jax.devices()
    # Auto: the compiler places what the step computes; explicit axes would forbid plain reshapes.
    return jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)

  def shardings(self, state: Any) -> Any:
    """A sharding for every array of a training state, or of any tree with parameters in it."""
    shapes = trees.flatten(getattr(state, "params", {}))
    return jax.tree_util.tree_map_with_path(lambda path, x: self._sharding(path, x, shapes), state)

  def place(self, state: Any) -> Any:
    """The state laid out; every process must have the same."""
    return jax.tree.map(_put, state, self.shardings(state))

  def split_rows(self, arrays: Sequence[np.ndarray]) -> tuple[jax.Array, ...]:
    """This process's rows of a batch, spread over its devices.

    Raises ValueError unless the rows divide evenly.
    """
    sharding = NamedSharding(self.mesh, PartitionSpec(AXIS))
    rows, devices = len(arrays[0]), len(self.mesh.local_devices)
    if rows % devices:
      raise ValueError(
        f"a batch of {rows} utterances can't be split evenly over {devices} devices: "
        "make every bucket's size a multiple"
      )
    return tuple(jax.make_array_from_process_local_data(sharding, array) for array in arrays)

  def _sharding(self, path: tuple, leaf: Any, params: Mapping[str, Any]) -> NamedSharding:
    # A mask's key is the path of its parameter: it lies as the parameter does.
    like = params.get(getattr(path[-1], "key", None), leaf) if path else leaf
    axis = self._axis(like.shape)
    if axis is None or axis >= leaf.ndim or leaf.shape[axis] % self.mesh.size:
      return NamedSharding(self.mesh, PartitionSpec())
    return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, AXIS))

  def _axis(self, shape: tuple[int, ...]) -> int | None:
    """The longest axis that divides evenly; None for what stays whole."""
    even = [axis for axis, size in enumerate(shape) if size % self.mesh.size == 0]
    if not self.fsdp or not even or np.prod(shape) < self.smallest:
      return None
    return max(even, key=lambda axis: shape[axis])


def on_this_process(tree: Any) -> Any:
  """The tree whole on one device of this process, for what each process computes alone.

  Every process must call it: it brings shared arrays together.
  """
  return jax.tree.map(_whole, tree)


def _put(leaf: Any, sharding: NamedSharding) -> Any:
  if sharding.is_fully_addressable:
    return jax.device_put(leaf, sharding)
  if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    numbers = _put(jax.random.key_data(leaf), sharding)
    return jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(leaf))
  host = np.asarray(leaf)
  return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def _whole(leaf: Any) -> Any:
  if not isinstance(leaf, jax.Array):
    return leaf
  if not leaf.sharding.is_fully_replicated:
    whole = NamedSharding(leaf.sharding.mesh, PartitionSpec())
    leaf = jax.jit(lambda x: x, out_shardings=whole)(leaf)
  return leaf.addressable_data(0)
