"""Words are found where they were put, and the table that is kept fits the recordings."""

import numpy as np
import pytest

from data import cut_words
from data.domains import recorded, word_borders
from data.grammar import DIGITS

RATE = cut_words.RATE


def spoken(word, person):
  """Two tones, which tell words apart, bent by who says them, fading in and out."""
  rng = np.random.default_rng(100 * word + person)
  seconds = rng.uniform(0.25, 0.5)
  time = np.arange(int(seconds * RATE)) / RATE
  bent = 1 + 0.04 * (person - 2)
  first, second = 300 + 150 * word, 2600 - 180 * word
  tone = np.sin(2 * np.pi * first * bent * time) + np.sin(2 * np.pi * second * bent * time)
  return 0.3 * tone * np.hanning(len(time)) ** 0.3


def test_borders_are_where_one_word_gives_way_to_the_next():
  rng = np.random.default_rng(0)
  said = (3, 7, 7, 1)
  parts, pauses = [spoken(word, person=4) for word in said], (0.25, 0.0, 0.12, 0.06, 0.3)
  pieces, ends, begins = [np.zeros(int(pauses[0] * RATE))], [], []
  for part, pause in zip(parts, pauses[1:], strict=True):
    begins.append(sum(map(len, pieces)) / RATE)
    ends.append(begins[-1] + len(part) / RATE)
    pieces += [part, np.zeros(int(pause * RATE))]
  string = np.concatenate(pieces) + rng.normal(0, 1e-3, sum(map(len, pieces)))
  found = cut_words.borders(string, [[spoken(w, p) for p in range(4)] for w in said], rng)
  assert len(found) == 5
  assert found[0] == pytest.approx(begins[0], abs=0.04)
  assert found[-1] == pytest.approx(ends[-1], abs=0.04)
  for border, end, begin in zip(found[1:-1], ends, begins[1:], strict=False):
    assert end - 0.05 <= border <= begin + 0.05


def test_warping_finds_the_cheapest_of_all_paths():
  rng = np.random.default_rng(1)
  u, v = rng.normal(size=(6, 3)), rng.normal(size=(5, 3))
  path, cost = cut_words.warp(u, v)
  assert cost * len(u) == pytest.approx(min(costs(u, v)))
  assert path[-1] == len(v) - 1 and set(np.diff(path)) <= {0, 1, 2}
  assert walked(u, v, path) == pytest.approx(cost * len(u))


def costs(u, v):
  """Of every allowed path, one at a time."""
  paths = [[j] for j in range(len(v))]
  for _ in u[1:]:
    paths = [[*path, path[-1] + by] for path in paths for by in (0, 1, 2) if path[-1] + by < len(v)]
  return [walked(u, v, path) for path in paths if path[-1] == len(v) - 1]


def walked(u, v, path):
  distance = np.linalg.norm(u[:, None] - v[None], axis=-1)
  skipped = {0: 1.0, 1: 1.0, 2: 1.5}
  steps = zip(range(1, len(u)), path[1:], np.diff(path), strict=True)
  return distance[0, : path[0] + 1].sum() + sum(skipped[by] * distance[i, j] for i, j, by in steps)


def test_the_table_fits_the_recordings(shared_data, tmp_path):
  _, sources, _ = recorded(shared_data / "read", RATE, tmp_path)
  train, table = sources["train"], word_borders()
  strings = [n for n in range(len(train)) if set(train.text(n).split()) <= set(DIGITS)]
  assert {train.id(n) for n in strings} == set(table) and len(table) == 75
  for n in strings:
    found = table[train.id(n)]
    assert len(found) == len(train.text(n).split()) + 1
    assert found[0] >= 0 and found[-1] <= train.seconds(n)
    assert min(np.diff(found)) > 0.1  # no digit is shorter


def test_the_table_is_what_the_program_finds(shared_data):
  kept = list(word_borders().items())
  for (name, found), (same, borders) in zip(cut_words.find(shared_data), kept[:2], strict=False):
    assert name == same and borders == pytest.approx(found, abs=0.006)
