"""Where to write the names of a plot's points so that no name meets another, nor a point."""

import numpy as np
from jaxtyping import Bool, Float

_RADII = (9.0, 14.0, 20.0, 27.0, 36.0, 48.0, 62.0, 80.0, 100.0)  # pixels from point to name
# Degrees, in the order of preference: beside is read best, then above and below, then between.
_ANGLES = np.deg2rad(
  [0, 180, 90, 270, 30, 330, 150, 210, 60, 300, 120, 240, 15, 345, 165, 195, 45, 315, 135, 225]
)


def place(
  points: Float[np.ndarray, "N 2"],
  sizes: Float[np.ndarray, "N 2"],
  obstacles: Float[np.ndarray, "M 4"],
  lines: Float[np.ndarray, "L 4"],
  frame: Float[np.ndarray, "4"],
) -> list[tuple[float, float] | None]:
  """The middle of each label, in pixels; None for a label that fits nowhere.

  points: what the labels name; sizes: width and height of each label; obstacles: boxes (left,
  bottom, right, top) that no label may touch; lines: boxes that one touches only if it must; frame:
  the box that all stay in. Crowded points choose first, each the nearest place that is free.
  """
  apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
  placed: list[tuple[float, float] | None] = [None] * len(points)
  taken = obstacles
  for i in np.argsort(np.sort(apart, axis=1)[:, :3].sum(axis=1)):
    boxes = _around(points[i], sizes[i])
    free = ~_meet(boxes, taken).any(axis=1) & _within(boxes, frame)
    clear = free & ~_meet(boxes, lines).any(axis=1)
    if free.any():
      box = boxes[np.argmax(clear if clear.any() else free)]
      taken = np.vstack([taken, box])
      placed[i] = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
  return placed


def _around(
  point: Float[np.ndarray, "2"], size: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "K 4"]:
  """Boxes of the given size around the point, nearest first."""
  ways = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)
  # Leaving the point along a way, the middle of a box is half a box further than its nearest edge.
  middle = np.concatenate([point + ways * radius + ways * size / 2 for radius in _RADII])
  return np.concatenate([middle - size / 2, middle + size / 2], axis=-1)


def _meet(a: Float[np.ndarray, "K 4"], b: Float[np.ndarray, "M 4"]) -> Bool[np.ndarray, "K M"]:
  """Whether boxes a and b overlap: they do unless one begins where the other has ended."""
  return ((a[:, None, :2] < b[None, :, 2:]) & (b[None, :, :2] < a[:, None, 2:])).all(axis=-1)


def _within(
  boxes: Float[np.ndarray, "K 4"], frame: Float[np.ndarray, "4"]
) -> Bool[np.ndarray, "K"]:
  return (boxes[:, :2] >= frame[:2]).all(axis=1) & (boxes[:, 2:] <= frame[2:]).all(axis=1)
