import re

import pytest

from edge_rnnt import trees

TREE = {"encoder": {"layer_0": {"kernel": 1, "bias": 2}, "layer_1": {"kernel": 3}}, "joint": [4, 5]}


def test_flatten_names_every_leaf_by_its_path():
  assert trees.flatten(TREE) == {
    "encoder/layer_0/bias": 2,
    "encoder/layer_0/kernel": 1,
    "encoder/layer_1/kernel": 3,
    "joint/0": 4,
    "joint/1": 5,
  }


def test_the_first_pattern_that_matches_the_whole_path_decides():
  matched = trees.match({r"encoder/layer_0/.*": "first", r".*/kernel": "second"}, TREE)
  assert matched == {
    "encoder": {"layer_0": {"kernel": "first", "bias": "first"}, "layer_1": {"kernel": "second"}},
    "joint": [None, None],
  }
  assert set(trees.flatten(matched)) == {
    "encoder/layer_0/bias",
    "encoder/layer_0/kernel",
    "encoder/layer_1/kernel",
  }


def test_a_part_of_a_path_is_no_match():
  with pytest.raises(ValueError, match=re.escape("'kernel' (no match)")):
    trees.match({"kernel": 1}, TREE)


def test_a_pattern_without_effect_is_an_error_that_lists_the_paths():
  with pytest.raises(ValueError, match="decoder") as error:
    trees.match({r".*": 1, r"decoder/.*": 2, r".*/kernel": 3}, TREE)
  assert "'decoder/.*' (no match)" in str(error.value)
  assert "'.*/kernel' (hidden by an earlier pattern)" in str(error.value)
  assert "encoder/layer_1/kernel" in str(error.value)
  assert "'.*' (" not in str(error.value)


def test_map_paths_sees_path_and_leaf():
  doubled = trees.map_paths(lambda path, leaf: leaf * (2 if path.endswith("kernel") else 1), TREE)
  assert doubled["encoder"]["layer_1"]["kernel"] == 6
  assert doubled["joint"] == [4, 5]


def test_nest_undoes_flatten():
  tree = {"encoder": {"layer_0": {"bias": 1, "kernel": 2}}, "joint": {"bias": 3}}
  assert trees.nest(trees.flatten(tree)) == tree
