"""Labels keep clear of each other, of what is drawn, and of the frame's edge."""

import numpy as np
import pytest

from edge_rnnt.report import labels

FRAME = np.array([0.0, 0.0, 500.0, 300.0])
NONE = np.empty((0, 4))


@pytest.mark.parametrize("seed", range(8))
def test_no_two_boxes_meet(seed):
  rng = np.random.default_rng(seed)
  points = rng.uniform([60, 40], [440, 260], size=(14, 2))
  sizes = rng.uniform([40, 10], [90, 14], size=(14, 2))
  around = np.concatenate([points - 5, points + 5], axis=1)
  places = labels.place(points, sizes, around, NONE, FRAME)
  boxes = [
    np.concatenate([np.array(middle) - size / 2, np.array(middle) + size / 2])
    for middle, size in zip(places, sizes, strict=True)
    if middle is not None
  ]
  assert len(boxes) >= 12
  everything = [*boxes, *around]
  for i, a in enumerate(boxes):
    assert (a[:2] >= FRAME[:2]).all() and (a[2:] <= FRAME[2:]).all()
    for b in everything[i + 1 :]:
      overlap = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
      assert not (overlap > 0).all()


def test_a_lone_label_stands_to_the_right_and_near():
  point = np.array([[100.0, 100.0]])
  (middle,) = labels.place(point, np.array([[60.0, 12.0]]), NONE, NONE, FRAME)
  assert middle == pytest.approx((100 + 9 + 30, 100))


def test_what_fits_nowhere_is_left_out():
  point, whole = np.array([[100.0, 100.0]]), FRAME[None]
  assert labels.place(point, np.array([[60.0, 12.0]]), whole, NONE, FRAME) == [None]


def test_lines_are_crossed_only_where_nothing_else_is_free():
  point, size = np.array([[100.0, 100.0]]), np.array([[60.0, 12.0]])
  beside = np.array([[100.0, 90.0, 500.0, 110.0]])
  (middle,) = labels.place(point, size, NONE, beside, FRAME)
  assert middle == pytest.approx((100 - 9 - 30, 100))
  assert labels.place(point, size, NONE, FRAME[None], FRAME) == labels.place(
    point, size, NONE, NONE, FRAME
  )
