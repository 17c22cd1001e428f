"""What an utterance goes through, in which order, drawn from its own generator alone."""

import dataclasses

import numpy as np
import pytest

from edge_rnnt.audio import augment
from edge_rnnt.inputs.augmentation import Augment, Surroundings
from edge_rnnt.inputs.batching import LoadBatch
from edge_rnnt.inputs.buckets import choose_buckets
from edge_rnnt.inputs.plan import BatchPlan, Stage

RATE = 8000
BOUNDS = (1, 10**6)


@pytest.fixture(scope="module")
def speech():
  return np.random.default_rng(0).normal(0, 0.1, 6000).astype(np.float32)


@pytest.fixture(scope="module")
def within():
  rng = np.random.default_rng(1)
  decays = [np.exp(-np.arange(800) / tau) for tau in (30, 200)]
  rooms = [(rng.normal(0, 1, 800) * decay).astype(np.float32) for decay in decays]
  noises = [rng.normal(0, 0.01, 9000).astype(np.float32) for _ in range(3)]
  return Surroundings(tuple(noises), tuple(rooms))


def disturbed(settings, speech, within, seed=0):
  rng = np.random.default_rng(seed)
  return settings.disturb_samples(speech, RATE, within, BOUNDS, rng)


def test_a_room_is_one_of_those_given(speech, within):
  settings = Augment(room_share=1.0)
  possible = [augment.reverberate(speech, room) for room in within.rooms]
  seen = set()
  for seed in range(12):
    heard = disturbed(settings, speech, within, seed)
    matches = [np.array_equal(heard, each) for each in possible]
    assert sum(matches) == 1
    seen.add(matches.index(True))
  assert seen == {0, 1}


def test_shares_are_kept(speech, within):
  """Of 300 draws; three deviations of a binomial of 0.3 are 0.08."""
  for name in ("room_share", "noise_share", "telephone_share"):
    settings = Augment(**{name: 0.3})
    changed = [
      not np.array_equal(disturbed(settings, speech, within, seed), speech) for seed in range(300)
    ]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.08), name


def test_the_order_is_room_telephone_level_noise(speech, within):
  settings = Augment(
    room_share=1, telephone_share=1, gain_db=(-6, -6), noise_share=1, snr_db=(15, 15)
  )
  only = Surroundings(within.noises[:1], within.rooms[:1])
  heard = disturbed(settings, speech, only)
  wave = augment.reverberate(speech, only.rooms[0])
  wave = augment.gain(augment.telephone_band(wave, RATE), -6.0)
  noise = heard - wave
  assert 10 * np.log10(np.sum(wave**2) / np.sum(noise**2)) == pytest.approx(15, abs=0.01)
  # What was added is a stretch of the recording, at one level throughout.
  matched = np.correlate(only.noises[0], noise, "valid")
  begin = int(np.argmax(np.abs(matched)))
  stretch = only.noises[0][begin : begin + len(noise)]
  assert np.corrcoef(stretch, noise)[0, 1] > 0.9999


def test_without_rooms_nothing_else_is_drawn_differently(speech, within):
  """A recipe without rooms gives the numbers that it gave before there were any."""
  settings = Augment(speed=(0.9, 1.1), gain_db=(-9, 3), noise_share=0.7, telephone_share=0.5)
  for seed in range(5):
    bare = disturbed(settings, speech, Surroundings(within.noises), seed)
    np.testing.assert_array_equal(bare, disturbed(settings, speech, within, seed))


def test_a_stage_that_wants_rooms_needs_some(sources, front_end, within):
  stage = Stage("s", 3, {"orders": 1.0}, Augment(room_share=0.5))
  chosen = {"orders": sources["orders"]}
  plan = BatchPlan(chosen, [stage], choose_buckets(list(chosen.values())), seed=0)
  with pytest.raises(ValueError, match="stage 's' puts speech into rooms, but no impulse response"):
    LoadBatch(plan, front_end)
  loaded = LoadBatch(plan, front_end, surroundings=within)
  batch = loaded.random_map(plan[0], np.random.default_rng(0))
  assert np.isfinite(batch.features).all()


@pytest.mark.parametrize("share", ["room_share", "noise_share", "telephone_share"])
def test_a_share_is_no_more_than_all(share):
  with pytest.raises(ValueError, match=f"Augment.{share} is 1.5: expected a share from 0 to 1"):
    dataclasses.replace(Augment(), **{share: 1.5})
