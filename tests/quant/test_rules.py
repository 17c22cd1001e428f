"""Which weight gets which bits."""

import jax
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


@pytest.mark.parametrize("rows", [64, 70, 5])
def test_a_group_of_inputs_shares_a_half_precision_scale(rows):
  weight = np.random.default_rng(0).standard_normal((rows, 3, 4)).astype(np.float32)
  weight[:32, 0, 0] = 0
  format = Rule(bits=4, per="group", group=32).format(weight)
  assert format.scale.shape == weight.shape
  for first in range(0, rows, 32):
    part = weight[first : first + 32]
    limits = np.abs(part).max(axis=0) / np.float32(7)
    expected = np.where(limits > 0, limits, 1).astype(np.float16).astype(np.float32)
    assert np.array_equal(format.scale[first : first + 32], np.broadcast_to(expected, part.shape))
  error = np.abs(quantize(weight, format) * format.scale - weight)
  assert (error <= 0.502 * format.scale).all()


def test_jax_makes_the_groups_that_numpy_makes():
  weight = np.random.default_rng(1).standard_normal((70, 8)).astype(np.float32)
  rule = Rule(bits=4, per="group", group=16)
  in_jax = jax.jit(lambda w: rule.format(w).scale)(weight)
  assert np.array_equal(in_jax, rule.format(weight).scale)


@pytest.mark.parametrize(("per", "group"), [("group", None), ("group", 0), ("output", 32)])
def test_a_group_without_a_size_or_the_reverse_is_refused(per, group):
  with pytest.raises(ValueError, match="number of inputs that share a scale"):
    Rule(per=per, group=group)
