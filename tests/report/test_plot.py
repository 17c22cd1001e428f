"""The pictures show the rows, and read on any paper."""

import dataclasses
import itertools
import re
import xml.etree.ElementTree

import pytest

from edge_rnnt.report import plot
from edge_rnnt.report.results import Curve
from edge_rnnt.report.svg import COLORS, to_svg


@pytest.fixture(scope="module")
def results(make_results, tmp_path_factory):
  return make_results(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def figure(results):
  return plot.size_against_wer(results)


def test_points_and_bars_are_the_rows(results, figure):
  (axes,) = figure.axes
  points = {line.get_gid(): line for line in axes.lines if line.get_gid()}
  assert len(points) == len(results.main_rows)
  for i, row in enumerate(results.main_rows):
    assert points[f"point-{i}"].get_xydata().tolist() == [[row.bytes, row.wer]]
    bar = axes.containers[i].lines[2][0].get_segments()[0]
    assert bar[:, 1].tolist() == pytest.approx([row.wer_low, row.wer_high])
  assert axes.get_ylim()[0] == 0


def test_colour_tells_the_scheme_and_marker_the_sparsity(results, figure):
  lines = {line.get_gid(): line for line in figure.axes[0].lines}
  found = {
    (row.scheme, row.sparsity): (lines[f"point-{i}"].get_color(), lines[f"point-{i}"].get_marker())
    for i, row in enumerate(results.main_rows)
  }
  assert all(color == COLORS[scheme][0] for (scheme, _), (color, _) in found.items())
  by_sparsity = {(sparsity, marker) for (_, sparsity), (_, marker) in found.items()}
  assert len(by_sparsity) == len({marker for _, marker in by_sparsity}) == 3


def test_every_point_is_named_and_no_names_overlap(results, figure):
  boxes = [text.get_window_extent() for text in figure.axes[0].texts]
  assert len(boxes) == len(results.main_rows)
  assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_crowd_gets_a_legend_instead(results):
  names = [f"model {i}" for i in range(60)]
  rows = tuple(dataclasses.replace(results.main_rows[0], name=name) for name in names)
  figure = plot.size_against_wer(dataclasses.replace(results, rows=rows))
  (axes,), (legend,) = figure.axes, figure.legends
  assert len(axes.texts) < 60
  assert {text.get_text() for text in legend.get_texts()} == {"float", "dense"}


def test_of_a_crowd_the_front_is_named_and_joined(results):
  row = results.main_rows[0]
  sizes = {"small": (1000, 30.0), "large": (9000, 10.0)}
  sizes |= {f"beaten {i}": (9000 + 100 * i, 30.0 + i) for i in range(20)}
  rows = tuple(
    dataclasses.replace(row, name=name, bytes=size, wer=wer, wer_low=wer - 1, wer_high=wer + 1)
    for name, (size, wer) in sizes.items()
  )
  (axes,) = plot.size_against_wer(dataclasses.replace(results, rows=rows)).axes
  assert [text.get_text() for text in axes.texts] == ["small", "large"]
  joined = [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2]
  assert [[1000, 30.0], [9000, 10.0]] in joined


def test_times_are_drawn_of_the_models_that_have_one(results):
  rows = results.main_rows
  timed = [rows[0], dataclasses.replace(rows[1], rtf=None), *rows[2:]]
  (axes,) = plot.time_against_wer(dataclasses.replace(results, rows=tuple(timed))).axes
  points = [line.get_xydata().tolist() for line in axes.lines if line.get_gid()]
  assert points == [[[row.rtf, row.wer]] for row in timed if row.rtf is not None]
  assert "0.05" in [label.get_text() for label in axes.get_xticklabels()]
  untimed = tuple(dataclasses.replace(row, rtf=None) for row in rows)
  assert plot.time_against_wer(dataclasses.replace(results, rows=untimed)) is None


def test_svg_is_whole_themed_and_fetches_nothing(results, figure):
  text = to_svg(figure, name="here", title="Sizes & errors", points={"point-0": "the <first>"})
  root = xml.etree.ElementTree.fromstring(text)
  names = [element.text for element in root.iter() if element.tag.endswith("}title")]
  assert names == ["Sizes & errors", "the <first>"]
  written = [element.text for element in root.iter() if element.tag.endswith("}text")]
  assert "80 % integer" in written and "1 MB" in written
  ids = [element.get("id") for element in root.iter() if element.get("id")]
  assert len(ids) == len(set(ids)) and all(each.startswith("here-") for each in ids)
  used = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
  assert used and set(used) <= set(ids)
  assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
  drawn = text.split("</style>", 1)[1]
  for name, (light, _) in COLORS.items():
    assert light not in drawn
    assert f"--{name}:" in text
  assert not re.search(r"(fill|stroke): #(?!fff)", drawn)  # every colour drawn follows the theme


def test_svg_is_the_same_each_time(results):
  first, second = (
    to_svg(plot.size_against_wer(results), name="a", title="t", points={}) for _ in range(2)
  )
  assert first == second


def test_training_has_one_panel_for_each_curve():
  charts = tuple(
    Curve(name=name, unit="%", steps=(0, 10, 20), values=(1.0, last, last))
    for name, last in (("dev WER", 7.0), ("sparsity", 80.0))
  )
  figure = plot.training(charts)
  assert [axes.get_title(loc="left") for axes in figure.axes] == ["dev WER, %", "sparsity, %"]
  for axes, curve in zip(figure.axes, charts, strict=True):
    assert axes.lines[0].get_xdata().tolist() == list(curve.steps)
    assert axes.lines[0].get_ydata().tolist() == list(curve.values)
