"""Batch i is a pure function: epochs are complete, shares exact, shards rebuild the whole."""

import collections
import pickle

import numpy as np
import pytest

from edge_rnnt.inputs.buckets import choose_buckets
from edge_rnnt.inputs.plan import BatchPlan, Stage


@pytest.fixture(scope="module")
def buckets(sources):
  return choose_buckets(list(sources.values()), count=3, batch_size=8)


def stages(first=40, second=60):
  return [
    Stage("strings", first, {"strings": 1.0}),
    Stage("mix", second, {"orders": 0.35, "strings": 0.65}),
  ]


def test_the_same_plan_at_any_place_in_any_order(sources, buckets):
  plan = BatchPlan(sources, stages(), buckets, seed=7)
  again = pickle.loads(pickle.dumps(BatchPlan(sources, stages(), buckets, seed=7)))
  for index in [*range(len(plan) - 1, -1, -7), *range(0, len(plan), 5)]:
    assert plan[index] == again[index]
    assert plan[index].index == index
  other = BatchPlan(sources, stages(), buckets, seed=8)
  assert [other[n].items for n in range(9)] != [plan[n].items for n in range(9)]


def test_every_utterance_once_per_epoch_across_stages(sources, buckets):
  plan = BatchPlan(sources, stages(), buckets, seed=1)
  for name, source in sources.items():
    turns = [plan[n].items for n in range(len(plan)) if plan[n].source == name]
    size = plan.batches_per_epoch(name)
    assert len(turns) > 1.5 * size  # or this test would prove little
    orders = []
    for epoch in range(len(turns) // size):
      uses = collections.Counter(sum(turns[epoch * size : (epoch + 1) * size], ()))
      assert set(uses) == set(range(len(source)))
      assert sum(uses.values()) - len(source) < buckets[0].size  # only the last batch is filled up
      assert max(uses.values()) <= 2
      orders.append(turns[epoch * size])
    assert len(set(orders)) == len(orders)  # reshuffled


def test_shares_are_exact_and_spread_evenly(sources, buckets):
  plan = BatchPlan(sources, stages(20, 200), buckets, seed=3)
  names = [plan[n].source for n in range(len(plan))]
  assert names[:20] == ["strings"] * 20
  assert names[20:].count("orders") == 70
  for begin in range(20, 200, 20):
    assert 4 <= names[begin : begin + 20].count("orders") <= 10  # 7 expected
  assert [plan[n].stage for n in (0, 19, 20, 219)] == [0, 0, 1, 1]


def test_utterances_fit_their_bucket_and_lengths_are_near(sources, buckets):
  plan = BatchPlan(sources, stages(), buckets, seed=5)
  spread = []
  for index in range(len(plan)):
    planned = plan[index]
    source, bucket = sources[planned.source], plan.buckets[planned.bucket]
    frames = source.frames[list(planned.items)]
    assert len(planned.items) == bucket.size and frames.max() <= bucket.frames
    assert source.label_counts[list(planned.items)].max() <= bucket.labels
    spread.append(frames.std())
  everyone = np.concatenate([each.frames for each in sources.values()])
  assert np.mean(spread) < 0.35 * everyone.std()
  assert 0 < plan.padding_share() < 0.35


def test_shards_rebuild_the_global_batch(sources, buckets):
  whole = BatchPlan(sources, stages(), buckets, seed=2)
  shards = [BatchPlan(sources, stages(), buckets, seed=2, process=p, processes=4) for p in range(4)]
  for index in range(0, len(whole), 3):
    parts = [shard[index] for shard in shards]
    rows = {
      position: item
      for part in parts
      for position, item in zip(part.positions, part.items, strict=True)
    }
    assert tuple(rows[position] for position in range(8)) == whole[index].items
    assert {len(part.items) for part in parts} == {2}


def test_a_tiny_source_fills_its_batches_with_itself(sources, buckets):
  plan = BatchPlan({"orders": sources["orders"]}, [Stage("s", 3, {"orders": 1})], buckets, seed=0)
  assert plan.batches_per_epoch("orders") == 7
  many = [type(each)(each.frames, each.labels, 64) for each in buckets]
  plan = BatchPlan({"orders": sources["orders"]}, [Stage("s", 3, {"orders": 1})], many, seed=0)
  assert collections.Counter(plan[0].items).keys() == set(range(53)) and len(plan[0].items) == 64


@pytest.mark.parametrize(
  "stage, said",
  [
    (Stage("s", 3, {"order": 1.0}), "weighs unknown sources order; there are orders, strings"),
    (Stage("s", 0, {"orders": 1.0}), "expected one batch or more"),
    (Stage("s", 3, {"orders": 0.0}), "a positive sum"),
    (Stage("s", 3, {"orders": 2.0, "strings": -1.0}), "no negative weight"),
  ],
)
def test_impossible_stages(sources, buckets, stage, said):
  with pytest.raises(ValueError, match=said):
    BatchPlan(sources, [stage], buckets, seed=0)


def test_impossible_shards(sources, buckets):
  with pytest.raises(ValueError, match="cannot be shared by 3 processes"):
    BatchPlan(sources, stages(), buckets, seed=0, processes=3)
  with pytest.raises(ValueError, match="process 2 of 2"):
    BatchPlan(sources, stages(), buckets, seed=0, process=2, processes=2)
