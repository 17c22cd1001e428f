"""How much of a core feeding the training takes; the number goes to BUILD_NOTES.md."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs.augmentation import Augment
from edge_rnnt.inputs.batching import LoadBatch, train_batches
from edge_rnnt.inputs.buckets import choose_buckets
from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.dataset import ManifestSource
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.plan import BatchPlan, Stage
from edge_rnnt.inputs.prepared import prepare

BATCHES = 200


class Letters:
  def encode(self, text):
    return [ord(letter) for letter in text]


def measure(shared_data: pathlib.Path) -> dict[str, float]:
  """Batches of 16 joined digit strings with light augmentation, loaded by one thread."""
  front_end = FrontEnd(sample_rate=8000, num_mels=40)
  checked = check_audio(read_manifest(shared_data / "digits")[0], 8000)
  source = ManifestSource(checked.utterances, 8000, decoded=checked.samples)
  strings = prepare(JoinedStrings(source, passes=3), front_end, Letters())
  light = Augment(speed=(0.93, 1.07), gain_db=(-6, 6), noise_share=0.5, warp=0.07, time_masks=2)
  plan = BatchPlan(
    {"strings": strings},
    [Stage("all", BATCHES, {"strings": 1.0}, light)],
    choose_buckets([strings], batch_size=16),
    seed=0,
  )
  seconds, begin = 0.0, time.process_time()
  for batch in train_batches(plan, LoadBatch(plan, front_end), seed=0, threads=0):
    seconds += float(batch.frame_lengths.sum()) * front_end.frame_seconds
  spent = time.process_time() - begin
  return {
    "ms_per_batch": 1000 * spent / BATCHES,
    "audio_seconds_per_batch": seconds / BATCHES,
    "times_real_time": seconds / spent,
    "padding_share": plan.padding_share(),
  }


@pytest.mark.slow
def test_input_costs_little_of_a_core(shared_data, capsys):
  # In a process of its own: under pytest every annotation is checked, which doubles the cost.
  ran = subprocess.run(
    [sys.executable, __file__, str(shared_data)], capture_output=True, text=True, check=True
  )
  measured = json.loads(ran.stdout)
  with capsys.disabled():
    print("\ninput:", ", ".join(f"{name} {value:.4g}" for name, value in measured.items()))
  # A small model trains at 200 to 300 x real time on two cores.
  assert measured["times_real_time"] > 500


if __name__ == "__main__":
  print(json.dumps(measure(pathlib.Path(sys.argv[1]))))
