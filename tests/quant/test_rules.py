"""Which weight gets which bits."""

import numpy as np
import pytest

from edge_rnnt.quant.affine import quantize
from edge_rnnt.quant.rules import Rule, resolve

PATHS = ["encoder/layer_0/input_kernel", "encoder/layer_0/projection_kernel", "joint/output_kernel"]


def test_the_first_match_of_the_whole_path_decides():
  first, last = Rule(bits=4), Rule()
  chosen = resolve({r"encoder/.*/input_kernel": first, r".*_kernel": last}, PATHS)
  assert list(chosen.values()) == [first, last, last]


def test_what_no_rule_matches_stays_float():
  assert resolve({r"joint/.*": Rule()}, PATHS)[PATHS[0]] is None


@pytest.mark.parametrize("unused", [r"encoder", r"decoder/.*", r".*/input_kernel"])
def test_a_rule_without_effect_is_an_error_that_lists_the_weights(unused):
  with pytest.raises(ValueError, match="decide for nothing") as error:
    resolve({r"encoder/.*": Rule(), r".*": Rule(bits=4), unused: Rule(bits=2)}, PATHS)
  assert unused in str(error.value) and PATHS[2] in str(error.value)


@pytest.mark.parametrize("bits", [1, 9])
def test_bits_that_cannot_be_stored_are_refused(bits):
  with pytest.raises(ValueError, match=f"got {bits}"):
    Rule(bits=bits)


@pytest.mark.parametrize(
  ("per", "shape", "groups"),
  [
    ("tensor", (5, 3, 4), 1),
    ("gate", (5, 3, 4), 3),
    ("output", (5, 3, 4), 12),
    ("gate", (5, 4), 1),
    ("output", (5, 4), 4),
  ],
)
def test_each_group_of_weights_has_its_own_range(per, shape, groups):
  weight = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
  format = Rule(bits=4, per=per).format(weight)
  assert format.scale.size == groups
  q = np.broadcast_to(quantize(weight, format), shape)
  axes = {
    "tensor": (),
    "gate": (1,) if len(shape) == 3 else (),
    "output": tuple(range(1, len(shape))),
  }
  reduced = tuple(axis for axis in range(len(shape)) if axis not in axes[per])
  assert (np.abs(q).max(axis=reduced) == 7).all()  # every group reaches its end
