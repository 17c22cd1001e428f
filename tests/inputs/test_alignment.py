"""What each frame says where word boundaries are known."""

import numpy as np
import pytest

from edge_rnnt.inputs.alignment import BETWEEN, UNKNOWN, align


def test_the_second_half_of_a_word_says_it():
  aligned = align([(1.0, 4.9), (6.0, 9.5)], [7, 8], frames=12)
  expected = [BETWEEN, BETWEEN, 7, 7, 7, BETWEEN, BETWEEN, 8, 8, 8, BETWEEN, BETWEEN]
  np.testing.assert_array_equal(aligned, expected)


def test_a_word_that_outlasts_the_frames_is_cut():
  np.testing.assert_array_equal(align([(0.0, 9.0)], [3], frames=3), [BETWEEN] * 3)
  np.testing.assert_array_equal(align([(1.0, 9.0)], [3], frames=7), [BETWEEN] * 5 + [3, 3])


def test_every_word_needs_its_label():
  with pytest.raises(ValueError, match="zip"):
    align([(0.0, 1.0)], [3, 4], frames=5)


def test_nothing_known_is_not_a_label():
  assert len({UNKNOWN, BETWEEN, 0}) == 3 and max(UNKNOWN, BETWEEN) < 0
