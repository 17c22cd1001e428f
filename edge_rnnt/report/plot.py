"""The pictures: file size against WER, and what training looked like.

Drawn with Matplotlib's figures alone (no pyplot, no global state), so any thread may draw.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from edge_rnnt.report import units
from edge_rnnt.report.findings import describe
from edge_rnnt.report.plot_names import name_points
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

  Colour by scheme. Up to CROWD models are all named, marked by sparsity, and those of one cell and
  scheme joined by a thin line; of more those at the front are named and joined, and the rest told
  apart as dense and sparse. Points have the ids point-0, point-1, ... in the order of the rows.
  """
  return _against_wer(results, results.main_rows, "bytes", "file size (log scale)", _size_axis)


def time_against_wer(results: Results) -> Figure | None:
  """The same over the real-time factor (log), of the models that were timed; None without any."""
  rows = [row for row in results.main_rows if row.rtf is not None]
  label = "real-time factor, one thread (log scale)"
  return _against_wer(results, rows, "rtf", label, _time_axis) if rows else None


def _against_wer(
  results: Results,
  rows: Sequence[Row],
  across: str,
  label: str,
  scale: Callable[[Axes, Sequence[float]], None],
) -> Figure:
  """across: the field of a row that is its place on the axis below."""
  with matplotlib.rc_context(STYLE):
    figure, axes = new_figure(width=6.6, height=4.3)
    top = 1.12 * max(row.wer_high for row in rows)
    axes.set_ylim(0, top or 1.0)
    scale(axes, [getattr(row, across) for row in rows])
    axes.set_xlabel(label)
    axes.set_ylabel("word error rate, %")
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    crowded = len(rows) > CROWD
    told = {row: _dense_or_sparse(row) if crowded else _sparse(row) for row in rows}
    markers = _markers(sorted(rows, key=lambda row: row.sparsity), told)
    for i, row in enumerate(rows):
      _draw_point(axes, row, across, markers[told[row]], f"point-{i}")
    lines = [_front(rows, across)] if crowded else _lines(rows, across)
    for line in lines:
      style = {"color": COLORS[line[0].scheme][0], "linewidth": 1, "alpha": 0.35, "zorder": 1}
      axes.plot([getattr(row, across) for row in line], [row.wer for row in line], **style)
    if crowded:
      _legend(axes, markers, rows)
    named = lines[0] if crowded else rows
    names = {row: row.name if crowded else _name(row, results) for row in named}
    written = name_points(figure, axes, names, rows, lines, across)
    if not (written or crowded):
      _legend(axes, markers, rows)
  return figure


def _draw_point(axes: Axes, row: Row, across: str, marker: str, gid: str) -> None:
  color, place = COLORS[row.scheme][0], getattr(row, across)
  spread = np.array([[max(row.wer - row.wer_low, 0)], [max(row.wer_high - row.wer, 0)]])
  axes.errorbar(place, row.wer, spread, color=color, elinewidth=1.3, alpha=0.45, zorder=2)
  (point,) = axes.plot(place, row.wer, marker, color=color, markersize=7.5, zorder=3)
  point.set_gid(gid)


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


def _time_axis(axes: Axes, factors: Sequence[float]) -> None:
  """A log axis with the factors themselves at its ticks: 0.0005, 0.001, 0.002."""
  low, high = min(factors) / 1.3, max(factors) * 1.5
  axes.set_xscale("log")
  axes.set_xlim(low, high)
  decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
  ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
  axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
  axes.xaxis.set_minor_locator(NullLocator())
  axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))


def _round_size(tick: float) -> str:
  number, unit = units.size(round(tick)).split()
  return f"{float(number):g} {unit}"


def _sparse(row: Row) -> str:
  return f"{units.share(row.sparsity)} sparse" if row.sparsity else "dense"


def _dense_or_sparse(row: Row) -> str:
  return "sparse" if row.sparsity else "dense"


def _markers(rows: Sequence[Row], told: Mapping[Row, str]) -> dict[str, str]:
  """A marker for each thing that is told of rows, in their order."""
  found = dict.fromkeys(told[row] for row in rows)
  return {each: MARKERS[min(i, len(MARKERS) - 1)] for i, each in enumerate(found)}


def _lines(rows: Sequence[Row], across: str) -> list[list[Row]]:
  """The models of each cell and scheme, in order."""
  kinds = dict.fromkeys((row.cell, row.scheme) for row in rows)
  return [
    sorted(
      (row for row in rows if (row.cell, row.scheme) == kind), key=lambda row: getattr(row, across)
    )
    for kind in kinds
  ]


def _front(rows: Sequence[Row], across: str) -> list[Row]:
  """Those that no other beats in one of the two without being beaten in the other, in order."""
  points = {(getattr(row, across), row.wer) for row in rows}
  front = [
    row
    for row in rows
    if not any(
      place <= getattr(row, across)
      and wer <= row.wer
      and (place, wer) != (getattr(row, across), row.wer)
      for place, wer in points
    )
  ]
  return sorted(front, key=lambda row: getattr(row, across))


def _name(row: Row, results: Results) -> str:
  """As in the sentences, but short: the picture is crowded."""
  return describe(row, results).replace("% sparse", "%")


def _legend(axes: Axes, markers: Mapping[str, str], rows: Sequence[Row]) -> None:
  """For crowded plots, where not every point could be named; beside the points."""
  for scheme in dict.fromkeys(row.scheme for row in rows):
    axes.plot([], [], "s", color=COLORS[scheme][0], label=scheme)
  for name, marker in markers.items():
    axes.plot([], [], marker, color=SOFT, label=name)
  axes.figure.legend(loc="outside right upper", frameon=False, fontsize=9)
