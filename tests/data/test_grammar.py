"""The grammar of orders against the real training sentences it was learned from."""

import csv

import numpy as np

from data.grammar import DIGITS, digit_string, is_order, order, vocabulary


def test_orders_are_the_grammars_own_and_use_every_word():
  rng = np.random.default_rng(0)
  orders = [order(rng) for _ in range(1500)]
  assert all(is_order(each) for each in orders)
  assert set(" ".join(orders).split()) == vocabulary()
  assert len(set(orders)) > 1300
  assert not any(wrong in each for each in orders for wrong in (" a espresso", " an mocha"))


def test_what_is_no_order():
  for text in (
    "i want a",
    "brew a latte and milk",
    "i want a latte with milk and",
    "please a latte",
  ):
    assert not is_order(text)


def test_it_covers_the_real_training_sentences(shared_data):
  with (shared_data / "commands" / "commands.tsv").open() as lines:
    rows = [row["text"] for row in csv.DictReader(lines, delimiter="\t") if row["split"] == "train"]
  assert {word for row in rows for word in row.split()} == vocabulary()
  assert [row for row in rows if not is_order(row)] == []
  rng = np.random.default_rng(1)
  made = [len(order(rng).split()) for _ in range(1000)]
  assert abs(np.mean(made) - np.mean([len(row.split()) for row in rows])) < 0.7


def test_digit_strings():
  rng = np.random.default_rng(0)
  strings = [digit_string(rng, most=5).split() for _ in range(300)]
  assert {len(each) for each in strings} == {1, 2, 3, 4, 5}
  assert {word for each in strings for word in each} == set(DIGITS)
