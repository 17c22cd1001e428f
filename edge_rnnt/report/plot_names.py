"""Names beside the points of a picture, where they hide nothing."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from edge_rnnt.report import labels
from edge_rnnt.report.results import Row
from edge_rnnt.report.svg import COLORS


def name_points(
  figure: Figure,
  axes: Axes,
  names: Mapping[Row, str],
  rows: Sequence[Row],
  lines: Sequence[Sequence[Row]],
  across: str,
) -> bool:
  """Writes each name beside its point; False if some name found no place."""
  figure.draw_without_rendering()  # settles the layout, which places are measured in
  style = {"ha": "center", "va": "center", "fontsize": 9.5}
  texts = [
    axes.text(getattr(row, across), row.wer, name, color=COLORS[row.scheme][0], **style)
    for row, name in names.items()
  ]
  extents = [text.get_window_extent() for text in texts]
  sizes = np.array([[extent.width + 4, extent.height + 2] for extent in extents])
  points, every = (_pixels(axes, each, across, "wer") for each in (list(names), rows))
  around = np.concatenate([every - 6, every + 6], axis=1)
  frame = np.array(axes.bbox.extents)
  places = labels.place(points, sizes, around, _drawn_lines(axes, rows, lines, across), frame)
  for text, point, middle in zip(texts, points, places, strict=True):
    if middle is None:
      text.remove()
    else:
      _move(axes, text, point, np.array(middle))
  return None not in places


def _drawn_lines(
  axes: Axes, rows: Sequence[Row], lines: Sequence[Sequence[Row]], across: str
) -> Float[np.ndarray, "L 4"]:
  """Boxes (pixels) around every error bar, and along the lines that join points."""
  beside = np.array([2.0, 0.0])
  low, high = (_pixels(axes, rows, across, each) for each in ("wer_low", "wer_high"))
  boxes = [(low - beside, high + beside)]
  for line in lines:
    ends = _pixels(axes, line, across, "wer")
    along = np.linspace(ends[:-1], ends[1:], 16).reshape(-1, 2)
    boxes.append((along - 1, along + 1))
  return np.concatenate([np.concatenate(corners, axis=1) for corners in boxes])


def _pixels(axes: Axes, rows: Sequence[Row], across: str, up: str) -> Float[np.ndarray, "N 2"]:
  """Where these two fields of each row lie, in pixels."""
  places = [(getattr(row, across), getattr(row, up)) for row in rows]
  return np.asarray(axes.transData.transform(places))


def _move(axes: Axes, text: Text, point: np.ndarray, middle: np.ndarray) -> None:
  text.set_position(axes.transData.inverted().transform(middle))
  extent = text.get_window_extent()
  nearest = np.clip(point, extent.min, extent.max)
  if np.linalg.norm(nearest - point) > 14:
    ends = axes.transData.inverted().transform([point, nearest])
    axes.plot(*ends.T, color=text.get_color(), linewidth=0.6, alpha=0.7, zorder=1)
