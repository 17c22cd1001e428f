"""SIGTERM to a launcher, wherever it is: exit code 143, a line, and the same command goes on."""

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

SMALL = {
  "curriculum": "('align','dense')", "front_end.num_mels": 12, "buckets": 2, "synthetic": 0,
  "model.encoder_layers": 2, "model.encoder_cells": 16, "model.encoder_projection": 8,
  "model.prediction_cells": 16, "model.prediction_projection": 8, "model.joint_dim": 16,
  "calibration_utterances": 16, "evaluate_every": 10,
}  # fmt: skip
SECONDS = 600


def start(workdir: pathlib.Path, log: pathlib.Path) -> subprocess.Popen:
  config = [f"--config.{name}={value}" for name, value in SMALL.items()]
  command = [sys.executable, "-m", "experiments.quickstart", f"--workdir={workdir}", *config]
  with log.open("w") as file:
    return subprocess.Popen([*command, "--fake_data"], stdout=file, stderr=subprocess.STDOUT)


def stop_when(come: Callable[[], bool], workdir: pathlib.Path, log: pathlib.Path) -> str:
  """What the launcher says that gets SIGTERM as soon as that has come."""
  process, ends = start(workdir, log), time.monotonic() + SECONDS
  try:
    while not come() and process.poll() is None and time.monotonic() < ends:
      time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 143, log.read_text()
  finally:
    process.kill()
  return log.read_text()


def finish(workdir: pathlib.Path, log: pathlib.Path) -> dict[str, bytes]:
  """The device files that the run ends with."""
  process = start(workdir, log)
  try:
    assert process.wait(SECONDS) == 0, log.read_text()
  finally:
    process.kill()
  assert (workdir / "results.json").exists()
  return {path.name: path.read_bytes() for path in (workdir / "models").glob("*.edge")}


@pytest.mark.slow
def test_stopped_in_every_part_of_a_run_it_ends_with_the_same_files(tmp_path):
  workdir, log = tmp_path / "stopped", tmp_path / "log"

  def when(come: Callable[[], bool]) -> str:
    return stop_when(come, workdir, log)

  told = when(lambda: "Speech:" in log.read_text())  # preparing
  assert "same command goes on" in told
  told = when(lambda: (workdir / "checkpoints").exists())  # setting up or compiling the first step
  assert "Stopped at step 0, before the first update" in told
  told = when(lambda: (workdir / "metrics.jsonl").exists() and log_has(workdir, "loss"))
  assert "Stopped at step 1" in told  # 10 to 19
  told = when(lambda: (workdir / "models" / "dense-float.edge").exists())  # measuring
  assert "Resuming at step 1" in told and "same command goes on" in told
  assert not (workdir / "results.json").exists()
  files = finish(workdir, log)
  assert "Resuming at step 40 of 40" in log.read_text()
  assert sorted(files) == ["dense-float.edge", "dense-hybrid.edge", "dense-integer.edge"]
  assert files == finish(tmp_path / "undisturbed", log)


def log_has(workdir: pathlib.Path, word: str) -> bool:
  return word in (workdir / "metrics.jsonl").read_text()
