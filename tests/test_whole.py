"""A file is there whole, or what was there before is."""

import pathlib
import signal
import subprocess
import sys

import pytest

from edge_rnnt import whole


def test_the_new_file_takes_the_place_of_the_old_one(tmp_path):
  path = tmp_path / "a.json"
  whole.write_text(path, "one")
  whole.write_text(path, "zwö\nlf")
  assert path.read_text(encoding="utf-8") == "zwö\nlf"
  assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
  assert path.stat().st_mode & 0o777 == 0o644


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
  path = tmp_path / "a.bin"
  path.write_bytes(b"before")
  with pytest.raises(RuntimeError, match="halfway"), whole.writing(path) as file:
    file.write(b"af")
    raise RuntimeError("halfway")
  assert path.read_bytes() == b"before"
  assert [each.name for each in tmp_path.iterdir()] == ["a.bin"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
  path = tmp_path / "a.bin"
  path.write_bytes(b"before")
  code = (
    "import os, sys; from edge_rnnt import whole\n"
    "with whole.writing(sys.argv[1]) as file:\n"
    "  file.write(b'after' * 100000); file.flush(); os.kill(os.getpid(), 9)"
  )
  root = pathlib.Path(__file__).parents[1]
  ran = subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, check=False)
  assert ran.returncode == -signal.SIGKILL
  assert path.read_bytes() == b"before"
