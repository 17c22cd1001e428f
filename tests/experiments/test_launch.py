"""The command line: what a user mistypes is told in a line, with what would be right."""

import subprocess
import sys

import pytest


def launch(*arguments: str) -> subprocess.CompletedProcess:
  command = [sys.executable, "-m", "experiments.quickstart", *arguments]
  return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
  ("argument", "told"),
  [
    ("--config.modle.encoder_cell=sru", 'Did you mean "model"'),
    ("--config.model.encoder_sell=sru", 'Did you mean "encoder_cell"'),
    ("--config.batch_size=many", "invalid literal"),
    ("--wrkdir=x", "workdir"),
    ("--data_dir=/no/such/folder", "/no/such/folder"),
  ],
)
def test_mistakes_are_told_in_a_line(argument, told, tmp_path):
  done = launch(f"--workdir={tmp_path}", argument)
  assert done.returncode != 0
  assert told in done.stderr
  assert "Traceback" not in done.stderr
