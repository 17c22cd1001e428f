"""The command line: what a user mistypes is told in a line, with what would be right."""

import json
import subprocess
import sys

import pytest

from experiments import recipe

MISTYPED = {
  "--config.modle.encoder_cell=sru": 'Did you mean "model"',
  "--config.model.encoder_sell=sru": 'Did you mean "encoder_cell"',
  "--config.batch_size=many": "invalid literal",
  "--wrkdir=x": "workdir",
}
# Imports once, then reads each command line as `python -m` would, in a process of its own: flags
# are a process's, and importing takes most of the time. Only for what ends before JAX begins, whose
# threads a fork has not.
PROGRAM = """
import json, os, runpy, sys
import experiments.launch, experiments.recipe
workdir, *arguments = sys.argv[1:]
codes = []
for number, argument in enumerate(arguments):
  child = os.fork()
  if not child:
    os.dup2(os.open(f"{workdir}/{number}", os.O_WRONLY | os.O_CREAT), 2)
    sys.argv = ["quickstart", f"--workdir={workdir}/run", argument]
    runpy.run_module("experiments.quickstart", run_name="__main__", alter_sys=True)
    sys.exit()
  codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""


def launch(*arguments: str) -> subprocess.CompletedProcess:
  command = [sys.executable, "-m", "experiments.quickstart", *arguments]
  return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, tuple[int, str]]:
  """Mistake -> exit code and what is said to it."""
  workdir = tmp_path_factory.mktemp("told")
  command = [sys.executable, "-c", PROGRAM, str(workdir), *MISTYPED]
  done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
  said = [(workdir / str(number)).read_text() for number in range(len(MISTYPED))]
  return dict(zip(MISTYPED, zip(json.loads(done.stdout), said, strict=True), strict=True))


@pytest.mark.parametrize("argument", MISTYPED)
def test_what_is_mistyped_is_told_in_a_line(argument, told):
  code, said = told[argument]
  assert code != 0
  assert MISTYPED[argument] in said
  assert "Traceback" not in said


@pytest.mark.parametrize(
  ("argument", "told"),
  [
    ("--data_dir=/no/such/folder", "/no/such/folder"),
    ("--config.curriculum=('hear','denes')", "expected some of align, dense"),
  ],
)
def test_what_cannot_be_run_is_told_in_a_line(argument, told, tmp_path):
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
