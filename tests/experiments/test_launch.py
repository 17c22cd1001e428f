"""The command line: what a user mistypes is told in a line, with what would be right."""

import subprocess
import sys

import pytest

from experiments import recipe


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
    ("--config.curriculum=('hear','denes')", "expected some of align, dense"),
  ],
)
def test_mistakes_are_told_in_a_line(argument, told, tmp_path):
  done = launch(f"--workdir={tmp_path}", argument)
  assert done.returncode != 0
  assert told in done.stderr
  assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
  ("change", "told"),
  [
    ({"curriculum": ()}, r"curriculum is \(\): expected some of align, dense"),
    ({"schemes": ("hybird",)}, r"schemes are \('hybird',\): expected some of float, hybrid"),
    ({"front_end.sample_rate": 0}, "front_end.sample_rate is 0: expected 1 or more"),
    ({"window": -1}, "window is -1: expected 0 or more"),
    ({"emission": (1,)}, r"emission is \(1,\): expected \(\) or two"),
  ],
)
def test_what_only_the_end_of_a_run_would_tell_is_told_before(change, told):
  config = recipe.get_config()
  recipe.check(config)
  config.update_from_flattened_dict(change)
  with pytest.raises(recipe.BadRecipe, match=told):
    recipe.check(config)


def test_a_workdir_that_cannot_be_is_told_in_a_line(tmp_path):
  (tmp_path / "taken").write_text("mine")
  done = launch(f"--workdir={tmp_path}/taken/run", "--fake_data")
  assert done.returncode == 1 and "Traceback" not in done.stderr
  assert f"{tmp_path}/taken" in done.stderr and (tmp_path / "taken").read_text() == "mine"
