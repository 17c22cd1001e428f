"""Predicted sizes against the files themselves, to the byte."""

import itertools

import jax
import numpy as np
import pytest
import safetensors.numpy

from edge_rnnt import trees
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import container, layout
from edge_rnnt.export.footprint import Plan, placeholder_formats
from edge_rnnt.export.freeze import freeze
from edge_rnnt.model.inventory import count
from edge_rnnt.prune.schedule import constant
from edge_rnnt.prune.transform import CELL_KERNELS, apply, gradual

MEL = np.linspace(-3, 3, 5)
FRONT_ENDS = [
  FrontEnd(num_mels=5).to_json(),
  FrontEnd(num_mels=5, mean=tuple(MEL), std=tuple(MEL**2 + 1)).to_json(),
]


def pruned(model, sparsity, block):
  """Parameters as training to that sparsity leaves them, by the pruning link itself."""
  link = gradual(constant(sparsity), block=block)
  return jax.jit(lambda params: apply(params, link.init(params)))(model.params)


@pytest.mark.parametrize(
  ("cell", "changes", "block", "sparsity"),
  [
    ("lstm", {}, (8, 1), 0.5),
    ("lstm", {"encoder_projection": None, "layer_norm": False}, (16, 1), 0.8),
    ("cifg", {"encoder_cells": 48}, (1, 8), 0.7),
    ("sru", {"feature_dim": 260}, (1, 1), 0.9),  # more than 255 blocks in a column
    ("sru", {}, (8, 1), 0.05),  # smaller dense
    ("lstm", {}, (1, 16), 1.0),
  ],
)
def test_to_the_byte(model, tmp_path, cell, changes, block, sparsity):
  model = model(cell, **changes)
  params = pruned(model, sparsity, block)
  kept = count(model.config).kept_blocks(dict.fromkeys(CELL_KERNELS, sparsity), block)
  others = (FRONT_ENDS[0], b"pieces", ""), (FRONT_ENDS[1], b"", 'a "card"\né')
  for scheme, (front_end, pieces, card) in itertools.product(layout.SCHEMES, others):
    path = tmp_path / "model.edge"
    frozen = freeze(params, model.config, scheme, ranges=model.ranges, block=block)
    plan = Plan(
      architecture=frozen.architecture,
      scheme=scheme,
      front_end=front_end,
      kept=kept,
      block=block,
      activations=frozen.activations,
      wordpieces=len(pieces),
      card=card,
    )
    assert plan.bytes == container.write(path, frozen, front_end, pieces, card)
    assert plan.bytes == path.stat().st_size
    assert {name: spec.shape for name, spec in plan.specs().items()} == {
      name: tensor.shape for name, tensor in safetensors.numpy.load_file(path).items()
    }


def test_without_calibration_a_few_bytes_an_activation_are_open(model):
  frozen = freeze(model().params, model().config, "integer", ranges=model().ranges)
  guess = placeholder_formats(frozen.architecture)
  assert set(guess) == set(frozen.activations)
  given = {"architecture": frozen.architecture, "scheme": "integer", "front_end": FRONT_ENDS[0]}
  exact = Plan(activations=frozen.activations, **given).bytes
  assert abs(Plan(activations=guess, **given).bytes - exact) <= 8 * len(guess)


def test_counts_are_those_of_the_masks(model):
  model = model(feature_dim=24)  # blocks divide every side
  for block in ((8, 1), (1, 8)):
    left = trees.flatten(pruned(model, 0.7, block))
    kernels = dict.fromkeys(CELL_KERNELS, 0.7)
    assert count(model.config).nonzero(kernels, block) == sum(
      int(np.count_nonzero(each)) for each in left.values()
    )


def test_blocks_that_no_kernel_has_are_refused(model):
  given = {
    "architecture": model().architecture, "scheme": "float", "front_end": FRONT_ENDS[0],
  }  # fmt: skip
  with pytest.raises(ValueError, match="joint/output_kernel is not stored in blocks"):
    Plan(kept={"joint/output_kernel": 3}, **given).bytes  # noqa: B018
  with pytest.raises(ValueError, match="481 blocks of 480 are kept"):
    Plan(kept={"encoder/layer_0/kernel": 481}, **given).bytes  # noqa: B018
