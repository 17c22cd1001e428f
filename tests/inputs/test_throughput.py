"""How much of a core feeding the training takes; the number goes to BUILD_NOTES.md."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

from data.sounds import sounds
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs.augmentation import Augment, Surroundings
from edge_rnnt.inputs.batching import LoadBatch, train_batches
from edge_rnnt.inputs.buckets import choose_buckets
from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.dataset import ManifestSource, Source
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.plan import BatchPlan, Stage
from edge_rnnt.inputs.prepared import prepare

BATCHES = 200
RATE = 8000
Measured = dict[str, float]


class Letters:
  def encode(self, text):
    return [ord(letter) for letter in text]


def digit_strings(shared_data: pathlib.Path) -> Measured:
  """Joined digit strings with the quickstart's light augmentation, 16 a batch."""
  light = Augment(speed=(0.93, 1.07), gain_db=(-6, 6), noise_share=0.5, warp=0.07, time_masks=2)
  source = recorded(shared_data / "digits")
  return feed(JoinedStrings(source, passes=3), light, Surroundings(), batch_size=16)


def sentences(shared_data: pathlib.Path) -> Measured:
  """Read sentences with all the disturbances of three domains, by a budget of frames."""
  full = Augment(
    speed=(0.9, 1.1), gain_db=(-24, 6), room_share=0.2, noise_share=0.7, snr_db=(5, 40),
    telephone_share=0.2, warp=0.08, time_masks=2, time_width=4, mel_masks=2, mel_width=6,
  )  # fmt: skip
  within = Surroundings(
    noises=sounds(str(shared_data / "noise"), "noise", RATE),
    rooms=sounds(str(shared_data / "rir"), "rir", RATE),
  )
  source = recorded(shared_data / "read", "dev")
  return feed(source, full, within, count=6, batch_size=8, frame_budget=2000)


def recorded(folder: pathlib.Path, split: str = "") -> ManifestSource:
  utterances = [each for each in read_manifest(folder)[0] if not split or each.split == split]
  checked = check_audio(utterances, RATE)
  return ManifestSource(checked.utterances, RATE, decoded=checked.samples)


def feed(source: Source, augment: Augment, within: Surroundings, **shapes: int) -> Measured:
  """Batches loaded by one thread."""
  front_end = FrontEnd(sample_rate=RATE, num_mels=40)
  sources = {"all": prepare(source, front_end, Letters())}
  stage = Stage("all", BATCHES, {"all": 1.0}, augment)
  plan = BatchPlan(sources, [stage], choose_buckets(list(sources.values()), **shapes), seed=0)
  load = LoadBatch(plan, front_end, surroundings=within)
  seconds, begin = 0.0, time.process_time()
  for batch in train_batches(plan, load, seed=0, threads=0):
    seconds += float(batch.frame_lengths.sum()) * front_end.frame_seconds
  spent = time.process_time() - begin
  return {
    "ms_per_batch": 1000 * spent / BATCHES,
    "audio_seconds_per_batch": seconds / BATCHES,
    "times_real_time": seconds / spent,
    "padding_share": plan.padding_share(),
  }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["digit_strings", "sentences"])
def test_input_costs_little_of_a_core(shared_data, capsys, kind):
  # In a process of its own: under pytest every annotation is checked, which doubles the cost.
  ran = subprocess.run(
    [sys.executable, __file__, kind, str(shared_data)], capture_output=True, text=True, check=True
  )
  measured = json.loads(ran.stdout)
  with capsys.disabled():
    print(f"\n{kind}:", ", ".join(f"{name} {value:.4g}" for name, value in measured.items()))
  # A small model trains at 200 to 300 x real time on two cores.
  assert measured["times_real_time"] > 500
  assert measured["padding_share"] < 0.35


if __name__ == "__main__":
  kinds = {"digit_strings": digit_strings, "sentences": sentences}
  print(json.dumps(kinds[sys.argv[1]](pathlib.Path(sys.argv[2]))))
