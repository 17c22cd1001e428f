"""The pictures: file size against WER, and what training looked like.

Drawn with Matplotlib's figures alone (no pyplot, no global state), so any thread may draw.
"""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from edge_rnnt.report import labels, units
from edge_rnnt.report.findings import describe
from edge_rnnt.report.results import Curve, Results, Row
from edge_rnnt.report.svg import COLORS

INK, SOFT, LINE = (COLORS[name][0] for name in ("ink", "soft", "line"))
MARKERS = "osD^vPX*"  # by sparsity, dense first
CROWD = 14
"""So many models are named each; of more, the front alone."""
STYLE = {
  "font.family": "DejaVu Sans",  # comes with Matplotlib: the same lines on any machine
  "font.size": 10.5,
  "text.parse_math": False,  # a model named a$b$ is no formula
  "text.color": INK,
  "axes.labelcolor": SOFT,
  "axes.edgecolor": LINE,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "xtick.color": SOFT,
  "ytick.color": SOFT,
  "xtick.labelsize": 9.5,
  "ytick.labelsize": 9.5,
}


def size_against_wer(results: Results) -> Figure:
  """One point for each model: bytes of its file (log) and WER on all test sets with its interval.

  Colour by scheme, marker by sparsity. Up to CROWD models are all named, and those of one cell and
  scheme joined by a thin line; of more those at the front are named, and colours and markers told.
  Points have the ids point-0, point-1, ... in the order of the rows.
  """
  rows = results.main_rows
  with matplotlib.rc_context(STYLE):
    figure, axes = new_figure(width=6.6, height=4.3)
    top = 1.12 * max(row.wer_high for row in rows)
    axes.set_ylim(0, top or 1.0)
    _size_axis(axes, [row.bytes for row in rows])
    axes.set_xlabel("file size (log scale)")
    axes.set_ylabel("word error rate, %")
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    markers = _markers(rows)
    for i, row in enumerate(rows):
      color = COLORS[row.scheme][0]
      spread = np.array([[max(row.wer - row.wer_low, 0)], [max(row.wer_high - row.wer, 0)]])
      axes.errorbar(row.bytes, row.wer, spread, color=color, elinewidth=1.3, alpha=0.45, zorder=2)
      marker = markers[_sparse(row)]
      (point,) = axes.plot(row.bytes, row.wer, marker, color=color, markersize=7.5, zorder=3)
      point.set_gid(f"point-{i}")
    crowded = len(rows) > CROWD
    lines = [] if crowded else _lines(rows)
    for line in lines:
      style = {"color": COLORS[line[0].scheme][0], "linewidth": 1, "alpha": 0.35, "zorder": 1}
      axes.plot([row.bytes for row in line], [row.wer for row in line], **style)
    if crowded:
      _legend(axes, markers, rows)
    named = _front(rows) if crowded else rows
    written = _name_points(figure, axes, {row: _name(row, results) for row in named}, rows, lines)
    if not (written or crowded):
      _legend(axes, markers, rows)
  return figure


def training(charts: Sequence[Curve]) -> Figure:
  """One small panel for each curve, over the same steps."""
  with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.6, 0.6 + 1.35 * len(charts)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(charts), 1, sharex=True, squeeze=False)[:, 0]
    for axes, curve in zip(panels, charts, strict=True):
      axes.plot(curve.steps, curve.values, color=COLORS["float"][0], linewidth=1.5)
      axes.set_ylim(bottom=min(0.0, *curve.values))
      title = f"{curve.name}, {curve.unit}" if curve.unit else curve.name
      axes.set_title(title, fontsize=10, loc="left")
      axes.grid(axis="y", color=LINE, linewidth=0.6)
      axes.yaxis.set_major_locator(MaxNLocator(4))
      axes.tick_params(length=0)
    panels[-1].set_xlabel("training step")
  return figure


def new_figure(*, width: float, height: float) -> tuple[Figure, Axes]:
  """An empty picture of so many inches, within `matplotlib.rc_context(STYLE)`."""
  figure = Figure(figsize=(width, height), layout="constrained")
  FigureCanvasAgg(figure)
  axes = figure.subplots()
  axes.tick_params(length=0)
  axes.set_axisbelow(True)
  return figure, axes


def _size_axis(axes: Axes, sizes: Sequence[int]) -> None:
  """A log axis with round sizes at its ticks: 100 kB, 200 kB, 500 kB, 1 MB."""
  low, high = min(sizes) / 1.5, max(sizes) * 1.7
  axes.set_xscale("log")
  axes.set_xlim(low, high)
  decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
  steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
  ticks = [float(step * 10**decade) for decade in decades for step in steps]
  axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
  axes.xaxis.set_minor_locator(NullLocator())
  axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: _round_size(float(tick))))


def _round_size(tick: float) -> str:
  number, unit = units.size(round(tick)).split()
  return f"{float(number):g} {unit}"


def _sparse(row: Row) -> str:
  return f"{units.share(row.sparsity)} sparse" if row.sparsity else "dense"


def _markers(rows: Sequence[Row]) -> dict[str, str]:
  """A marker for each sparsity, as it is told."""
  told = dict.fromkeys(_sparse(row) for row in sorted(rows, key=lambda row: row.sparsity))
  return {each: MARKERS[min(i, len(MARKERS) - 1)] for i, each in enumerate(told)}


def _lines(rows: Sequence[Row]) -> list[list[Row]]:
  """The models of each cell and scheme, by size."""
  kinds = dict.fromkeys((row.cell, row.scheme) for row in rows)
  return [
    sorted((row for row in rows if (row.cell, row.scheme) == kind), key=lambda row: row.bytes)
    for kind in kinds
  ]


def _front(rows: Sequence[Row]) -> list[Row]:
  """Those that no other beats in size or errors without being beaten in the other."""
  points = {(row.bytes, row.wer) for row in rows}
  return [
    row
    for row in rows
    if not any(
      size <= row.bytes and wer <= row.wer and (size, wer) != (row.bytes, row.wer)
      for size, wer in points
    )
  ]


def _name_points(
  figure: Figure,
  axes: Axes,
  names: Mapping[Row, str],
  rows: Sequence[Row],
  lines: Sequence[Sequence[Row]],
) -> bool:
  """Writes each name beside its point; False if some name found no place."""
  figure.draw_without_rendering()  # settles the layout, which places are measured in
  style = {"ha": "center", "va": "center", "fontsize": 9.5}
  texts = [
    axes.text(row.bytes, row.wer, name, color=COLORS[row.scheme][0], **style)
    for row, name in names.items()
  ]
  extents = [text.get_window_extent() for text in texts]
  sizes = np.array([[extent.width + 4, extent.height + 2] for extent in extents])
  points, every = _pixels(axes, list(names), "wer"), _pixels(axes, rows, "wer")
  around = np.concatenate([every - 6, every + 6], axis=1)
  frame = np.array(axes.bbox.extents)
  places = labels.place(points, sizes, around, _drawn_lines(axes, rows, lines), frame)
  for text, point, middle in zip(texts, points, places, strict=True):
    if middle is None:
      text.remove()
    else:
      _move(axes, text, point, np.array(middle))
  return None not in places


def _name(row: Row, results: Results) -> str:
  """As in the sentences, but short: the picture is crowded."""
  return describe(row, results).replace("% sparse", "%")


def _drawn_lines(
  axes: Axes, rows: Sequence[Row], lines: Sequence[Sequence[Row]]
) -> Float[np.ndarray, "L 4"]:
  """Boxes (pixels) around every error bar, and along the lines that join points."""
  beside = np.array([2.0, 0.0])
  boxes = [(_pixels(axes, rows, "wer_low") - beside, _pixels(axes, rows, "wer_high") + beside)]
  for line in lines:
    ends = _pixels(axes, line, "wer")
    along = np.linspace(ends[:-1], ends[1:], 16).reshape(-1, 2)
    boxes.append((along - 1, along + 1))
  return np.concatenate([np.concatenate(corners, axis=1) for corners in boxes])


def _pixels(axes: Axes, rows: Sequence[Row], field: str) -> Float[np.ndarray, "N 2"]:
  """Where (bytes, the given WER) of each row lies, in pixels."""
  return np.asarray(axes.transData.transform([(row.bytes, getattr(row, field)) for row in rows]))


def _move(axes: Axes, text: Text, point: np.ndarray, middle: np.ndarray) -> None:
  text.set_position(axes.transData.inverted().transform(middle))
  extent = text.get_window_extent()
  nearest = np.clip(point, extent.min, extent.max)
  if np.linalg.norm(nearest - point) > 14:
    ends = axes.transData.inverted().transform([point, nearest])
    axes.plot(*ends.T, color=text.get_color(), linewidth=0.6, alpha=0.7, zorder=1)


def _legend(axes: Axes, markers: Mapping[str, str], rows: Sequence[Row]) -> None:
  """For crowded plots, where not every point could be named; beside the points."""
  for scheme in dict.fromkeys(row.scheme for row in rows):
    axes.plot([], [], "s", color=COLORS[scheme][0], label=scheme)
  for name, marker in markers.items():
    axes.plot([], [], marker, color=SOFT, label=name)
  axes.figure.legend(loc="outside right upper", frameon=False, fontsize=9)
