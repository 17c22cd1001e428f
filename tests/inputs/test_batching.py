"""Arrays of a batch: right where undisturbed; the same for any threads, shard, place of resume."""

import numpy as np
import pytest

from edge_rnnt.inputs.augmentation import Augment, Surroundings
from edge_rnnt.inputs.batching import LoadBatch, evaluation_batches, train_batches
from edge_rnnt.inputs.buckets import Bucket, choose_buckets
from edge_rnnt.inputs.dataset import MemorySource
from edge_rnnt.inputs.plan import BatchPlan, Stage
from edge_rnnt.inputs.prepared import Prepared, frames_needed, keep_fitting

EVERYTHING = Augment(
  speed=(0.8, 1.25),
  gain_db=(-6, 6),
  noise_share=0.7,
  telephone_share=0.3,
  warp=0.1,
  time_masks=2,
  time_width=8,
  mel_masks=2,
  mel_width=5,
)


def make_plan(sources, augment, **sharding):
  stage = Stage("s", 30, {"orders": 1.0, "strings": 1.0}, augment)
  buckets = choose_buckets(list(sources.values()), count=2, batch_size=4)
  return BatchPlan(sources, [stage], buckets, seed=1, **sharding)


def take(iterator, count):
  return [next(iterator) for _ in range(count)]


def assert_same(one, other):
  assert one.ids == other.ids
  for name in ("features", "frame_lengths", "labels", "label_lengths"):
    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_without_augmentation_rows_are_the_front_ends(sources, front_end):
  plan = make_plan(sources, Augment())
  for index, batch in enumerate(take(train_batches(plan, LoadBatch(plan, front_end), seed=0), 6)):
    planned = plan[index]
    source, bucket = sources[planned.source], plan.buckets[planned.bucket]
    assert batch.features.shape == (4, bucket.frames, front_end.feature_dim)
    assert batch.labels.shape == (4, bucket.labels)
    for row, item in enumerate(planned.items):
      example = source.source[int(source.index[item])]
      frames, labels = batch.frame_lengths[row], batch.label_lengths[row]
      np.testing.assert_array_equal(
        batch.features[row, :frames], front_end.features(example.samples)
      )
      assert batch.labels[row, :labels].tolist() == source.labels[item].tolist()
      assert batch.ids[row] == example.id
      assert not batch.features[row, frames:].any() and not batch.labels[row, labels:].any()


def test_threads_change_nothing(sources, front_end):
  plan = make_plan(sources, EVERYTHING)
  load = LoadBatch(plan, front_end)
  alone = take(train_batches(plan, load, seed=5, threads=0), 12)
  for threads in (1, 2):
    for one, other in zip(
      alone, take(train_batches(plan, load, seed=5, threads=threads), 12), strict=True
    ):
      assert_same(one, other)
  other_seed = next(train_batches(plan, load, seed=6))
  assert not np.array_equal(other_seed.features, alone[0].features)


def test_resume_replays_nothing_and_skips_nothing(sources, front_end):
  plan = make_plan(sources, EVERYTHING)
  load = LoadBatch(plan, front_end)
  whole = take(train_batches(plan, load, seed=5, threads=2), 12)
  iterator = train_batches(plan, load, seed=5, threads=2)
  take(iterator, 7)
  state = iterator.get_state()
  assert state == {"next_index": 7}  # though the threads have read ahead
  restored = train_batches(plan, load, seed=5, threads=1)
  restored.set_state(state)
  assert_same(next(restored), whole[7])
  by_step = take(train_batches(plan, load, seed=5, start=7), 5)
  for one, other in zip(by_step, whole[7:], strict=True):
    assert_same(one, other)


def test_the_iterator_ends_with_the_plan(sources, front_end):
  plan = make_plan(sources, Augment())
  iterator = train_batches(plan, LoadBatch(plan, front_end), seed=0, start=28)
  assert len(list(iterator)) == 2


def test_shards_rebuild_the_global_batch(sources, front_end):
  plan = make_plan(sources, EVERYTHING)
  whole = take(train_batches(plan, LoadBatch(plan, front_end), seed=5), 4)
  for process in range(2):
    shard = make_plan(sources, EVERYTHING, process=process, processes=2)
    batches = take(train_batches(shard, LoadBatch(shard, front_end), seed=5), 4)
    for one, other in zip(batches, whole, strict=True):
      np.testing.assert_array_equal(one.features, other.features[process::2])
      assert one.ids == other.ids[process::2]


def test_extreme_speed_never_breaks_the_bucket_or_the_labels(sources, front_end):
  fitting = {name: keep_fitting(each)[0] for name, each in sources.items()}
  for factors in ((0.5, 0.5), (2.0, 2.0)):
    plan = make_plan(fitting, Augment(speed=factors))
    lengths = []
    for index, batch in enumerate(
      take(train_batches(plan, LoadBatch(plan, front_end), seed=0), 20)
    ):
      planned = plan[index]
      source, bucket = fitting[planned.source], plan.buckets[planned.bucket]
      assert (batch.frame_lengths <= bucket.frames).all()
      for row, item in enumerate(planned.items):
        assert batch.frame_lengths[row] >= frames_needed(source.labels[item], 2)
        lengths.append(batch.frame_lengths[row] / source.frames[item])
    assert (max if factors[0] < 1 else min)(lengths) == pytest.approx(1 / factors[0], rel=0.1)


def test_given_noise_is_used_at_its_level(front_end):
  speech = MemorySource([np.full(8000, 8000, np.int16)], ["one"], [""], ["x"], 8000)
  samples = speech[0].samples
  noise = np.sin(np.arange(4000)).astype(np.float32)
  augment = Augment(noise_share=1.0, snr_db=(20, 20))
  bounds = (1, 10**6)
  noisy = augment.disturb_samples(
    samples, 8000, Surroundings((noise,)), bounds, np.random.default_rng(0)
  )
  added = noisy - samples
  assert 10 * np.log10(np.sum(samples**2) / np.sum(added**2)) == pytest.approx(20, abs=0.01)
  spectrum = np.abs(np.fft.rfft(added[:4000]))
  assert np.argmax(spectrum) == round(4000 / (2 * np.pi))  # the recording's own frequency


def test_evaluation_sees_every_utterance_exactly_once(sources, front_end):
  source = sources["orders"]
  buckets = choose_buckets([source], count=2, batch_size=16)
  ids, frames = [], []
  for batch in evaluation_batches(source, front_end, buckets):
    rows = len(batch.ids)
    assert batch.features.shape[0] == 16
    assert not batch.frame_lengths[rows:].any() and not batch.features[rows:].any()
    assert not batch.label_lengths[rows:].any()
    assert batch.frame_lengths[:rows].all()
    ids += batch.ids
    frames += batch.frame_lengths[:rows].tolist()
  assert sorted(ids) == sorted(source.id(item) for item in range(len(source)))
  assert frames == sorted(frames)


def test_a_recording_longer_than_planned_is_named(sources, front_end):
  source = sources["orders"]
  lied = Prepared(source.source, source.index, np.full(len(source), 5), source.labels)
  with pytest.raises(ValueError, match=r"o\d+ has \d+ frames, planned were 5"):
    list(evaluation_batches(lied, front_end, [Bucket(8, 20, 4)]))


@pytest.mark.parametrize(
  "field, value", [("speed", (1.1, 0.9)), ("speed", (0, 1)), ("noise_share", 1.5)]
)
def test_augmentation_that_makes_no_sense(field, value):
  with pytest.raises(ValueError, match=f"Augment.{field} is"):
    Augment(**{field: value})
