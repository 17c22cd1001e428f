"""Pictures of a study: time against WER, sparsity by domain, and blocks that came back."""

import itertools
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edge_rnnt.report.plot import LINE, SOFT, STYLE, new_figure, time_against_wer
from edge_rnnt.report.results import Results, Row
from edge_rnnt.report.svg import COLORS

SHADES = tuple(COLORS[name][0] for name in ("float", "hybrid", "integer", "ink"))
CAPTIONS: Mapping[str, tuple[str, str]] = {
  "size_wer": (
    "Size against word errors",
    "Lower left is better; those that no other beats in both are named. Bars: 95 % intervals.",
  ),
  "time_wer": (
    "Time against word errors",
    "Lower left is better; those that no other beats in both are named. Bars: 95 % intervals.",
  ),
  "sparsity": (
    "What sparsity costs in each domain",
    "Float models that differ in their sparsity alone. Bars: 95 % intervals.",
  ),
  "recovery": (
    "Blocks that came back",
    "Share of all blocks ever pruned that were back at the end of training.",
  ),
}
"""Name of a picture -> its heading, and what a reader must know to read it."""


def figures(results: Results, sparsities: Sequence[str]) -> dict[str, Figure]:
  """The pictures that the rows suffice for, by name.

  sparsities: names of the models that differ in nothing but their sparsity.
  """
  drawn = {
    "time_wer": time_against_wer(results),
    "sparsity": sparsity_by_domain(results, sparsities),
    "recovery": blocks_back(results),
  }
  return {name: figure for name, figure in drawn.items() if figure is not None}


def sparsity_by_domain(results: Results, models: Sequence[str]) -> Figure | None:
  """A curve for each test set over the sparsities of the float models named; None without two."""
  named = [row for row in results.main_rows if row.name in models]
  chosen = [row for row in named if row.scheme == "float"]
  if len(chosen) < 2:
    return None
  names = {row.name for row in chosen}
  sets = [row for row in results.set_rows if row.name in names] or chosen
  with matplotlib.rc_context(STYLE):
    figure, axes = new_figure(width=6.6, height=3.6)
    looks = itertools.product(("solid", "dashed", "dotted"), SHADES)
    for (line, color), name in zip(looks, dict.fromkeys(row.set for row in sets), strict=False):
      rows = sorted((row for row in sets if row.set == name), key=lambda row: row.sparsity)
      _points(axes, [100 * row.sparsity for row in rows], rows, color, name, line=line)
    _finish(axes, "sparsity, %")
  return figure


def blocks_back(results: Results) -> Figure | None:
  """A bar for each float model that was pruned and whose recovery is known."""
  rows = [
    row
    for row in results.main_rows
    if row.scheme == "float" and row.sparsity and row.blocks_back is not None
  ]
  if not rows:
    return None
  with matplotlib.rc_context(STYLE):
    figure, axes = new_figure(width=6.6, height=0.9 + 0.26 * len(rows))
    places = range(len(rows))
    axes.barh(places, [100 * row.blocks_back for row in rows], color=COLORS["float"][0], height=0.6)
    axes.set_yticks(places, [row.name for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_xlabel("blocks back, % of all that were ever pruned")
  return figure


def _points(
  axes: Axes, x: Sequence[float], rows: Sequence[Row], color: str, label: str, *, line: str
) -> None:
  below = [max(row.wer - row.wer_low, 0.0) for row in rows]
  above = [max(row.wer_high - row.wer, 0.0) for row in rows]
  wers = [row.wer for row in rows]
  style = {"color": color, "marker": "o", "linestyle": line, "linewidth": 1.2, "markersize": 5}
  axes.errorbar(x, wers, [below, above], label=label, elinewidth=1, alpha=0.85, **style)


def _finish(axes: Axes, label: str) -> None:
  axes.set_ylim(bottom=0)
  axes.set_xlabel(label)
  axes.set_ylabel("word error rate, %")
  axes.grid(axis="y", color=LINE, linewidth=0.6)
  axes.figure.legend(loc="outside right upper", frameon=False, fontsize=9, labelcolor=SOFT)
