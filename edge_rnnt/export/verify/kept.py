"""The state that a device file was frozen from: what JAX's rows run, so that freezing is compared.

RUN_DIR/models/NAME-SCHEME.edge  is of  RUN_DIR/checkpoints/milestones/NAME
"""

import jax

from edge_rnnt.device.container import Container
from edge_rnnt.export import layout
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.train.checkpoint import CheckpointError
from edge_rnnt.train.kept import read_kept
from edge_rnnt.train.state import inference_params
from edge_rnnt.train.warm_start import check_same_shapes
from edge_rnnt.trees import nest


def model(file: Container) -> tuple[RNNT, dict]:
  """The module and the parameters as trained, averaged and pruned.

  Raises CheckpointError if the run has no such state, or cannot be read; ValueError for a state of
  another model than the file's.
  """
  folder = file.path.resolve().parent
  name = file.path.stem.removesuffix(f"-{file.scheme}")
  state = folder.parent / "checkpoints" / "milestones" / name
  if folder.name != "models" or not state.is_dir():
    raise CheckpointError(
      f"no state that the file was frozen from: it would be {state}, of a file in a run's models"
    )
  params = without_auxiliary(inference_params(read_kept(state)[0]))
  expected = layout.expected(file.architecture, "float")
  shapes = {path: jax.ShapeDtypeStruct(spec.shape, spec.dtype) for path, spec in expected.items()}
  check_same_shapes(params, nest(shapes))
  return RNNT(RNNTConfig.from_json(file.architecture.to_json())), params
