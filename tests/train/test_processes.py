"""Processes stop together wherever a signal strikes one of them, and resume to the same bits.

Two real processes over loopback; the same run in one process with two devices is never disturbed.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import jax
import pytest

from edge_rnnt.train.checkpoint import Checkpoints

SCRIPT = pathlib.Path(__file__).with_name("stopped_run.py")
STOPPED = 128 + signal.SIGTERM


def start(workdir: pathlib.Path, devices: int, *options: str) -> subprocess.Popen:
  root = str(SCRIPT.parents[2])
  command = [sys.executable, str(SCRIPT), str(workdir), str(devices), *options]
  env = {**os.environ, "PYTHONPATH": root}
  pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
  return subprocess.Popen(command, text=True, env=env, cwd=root, **pipes)


def end(process: subprocess.Popen) -> tuple[int, str]:
  """Exit code, and all that was said."""
  out, error = process.communicate(timeout=300)
  return process.returncode, error + out


def digest(told: str) -> str:
  return json.loads(told.splitlines()[-1])["digest"]


def pair(workdir: pathlib.Path, *options: str, strikes: dict[int, str]) -> list[tuple[int, str]]:
  """How two processes of one run end; strikes: process -> signal and moment."""
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    address = f"coordinator=127.0.0.1:{free.getsockname()[1]}"
  both = []
  for number in (0, 1):
    own = (*options, address, "processes=2", f"process={number}", *strikes.get(number, "").split())
    both.append(start(workdir, 1, *own))
  try:
    return [end(process) for process in both]
  finally:
    for process in both:
      process.kill()


def stopped_at(ends: list[tuple[int, str]]) -> int:
  """The update after which both stopped, as the first of them tells."""
  assert [code for code, _ in ends] == [STOPPED, STOPPED], ends
  (line,) = (each for each in ends[0][1].splitlines() if each.startswith("Stopped at step"))
  assert "The same command resumes" in line and "Stopped" not in ends[1][1]
  return int(line.split()[3].rstrip(","))


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> tuple[pathlib.Path, str]:
  """Workdir and last state of the run that nobody disturbs."""
  workdir = tmp_path_factory.mktemp("undisturbed")
  code, told = end(start(workdir, 2))
  assert code == 0, told
  return workdir, digest(told)


@pytest.fixture(scope="module")
def undisturbed(calm) -> str:
  return calm[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[pathlib.Path, list[str]]:
  """A run in shares that was stopped twice: by a signal to one process, then to the other."""
  workdir, options = tmp_path_factory.mktemp("stopped"), ("fsdp",)
  first = stopped_at(pair(workdir, *options, strikes={1: "signal=15 at=4"}))
  assert 4 <= first < 10  # at once: nobody waited for a save that was due
  # Before the first update of a resumed run: what takes so long as a compilation isn't begun.
  assert stopped_at(pair(workdir, *options, strikes={0: "signal=15 at=0"})) == first
  ends = pair(workdir, *options, strikes={})
  assert [code for code, _ in ends] == [0, 0], ends
  assert f"Resuming at step {first} of 40" in ends[0][1]
  return workdir, [digest(told) for _, told in ends]


def test_both_stop_together_and_resume_to_the_same_bits(finished, undisturbed):
  assert finished[1] == [undisturbed, undisturbed]


def test_what_two_processes_saved_in_shares_is_read_by_eight_devices(finished, undisturbed):
  code, told = end(start(finished[0], 8, "fsdp"))
  assert code == 0 and digest(told) == undisturbed, told


def test_and_whole_by_one(finished, undisturbed, line):
  with Checkpoints(finished[0] / "checkpoints") as checkpoints:
    last, _ = checkpoints.restore_latest(line.state())
    kept, about = checkpoints.restore_kept("dense", line.state())
  assert line.digest(last) == undisturbed
  assert int(kept.step) == about["step"] == 15
  assert {len(leaf.devices()) for leaf in jax.tree.leaves((last, kept))} == {1}


def test_and_averages_the_same_checkpoints(finished, calm, line):
  """Of before and after it was stopped, each process its own share."""
  kept = []
  for workdir in (finished[0], calm[0]):
    with Checkpoints(workdir / "checkpoints") as checkpoints:
      assert checkpoints.kept() == ["dense", "sparse"]
      states = [checkpoints.restore_kept(name, line.state()) for name in ("dense", "sparse")]
      last, _ = checkpoints.restore_latest(line.state())
    assert [about["averaged"] for _, about in states] == [[7, 11, 15], [32, 36, 40]]
    assert line.digest(states[1][0]) != line.digest(last)
    kept.append([line.digest(state) for state, _ in states])
  assert kept[0] == kept[1]


@pytest.mark.slow
def test_both_killed_and_resumed(tmp_path, undisturbed):
  for update in (3, 17, 30):
    strike = f"signal={signal.SIGKILL} at={update}"
    codes = [code for code, _ in pair(tmp_path, strikes={0: strike, 1: strike})]
    # The first that dies may take the other with it, in the middle of what they do together.
    assert -signal.SIGKILL in codes and all(code < 0 for code in codes), codes
  ends = pair(tmp_path, strikes={})
  assert "Resuming at step" in ends[0][1]
  assert [digest(told) for _, told in ends] == [undisturbed, undisturbed]
