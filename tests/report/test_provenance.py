"""Versions and the machine are those at hand."""

import pathlib
import subprocess
import sys

import numpy as np

from edge_rnnt.report import provenance


def test_versions_are_those_installed():
  found = provenance.versions()
  assert found["numpy"] == np.__version__
  assert found["python"] == ".".join(map(str, sys.version_info[:3]))
  assert {"jax", "flax", "optax", "sentencepiece"} <= found.keys()


def test_packages_that_are_absent_are_left_out(monkeypatch):
  monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-anywhere"))
  assert provenance.versions().keys() == {"python", "numpy"}


def test_a_commit_is_told_with_a_mark_where_files_differ_from_it(tmp_path):
  assert provenance.commit(tmp_path) == ""  # no checkout
  git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
  subprocess.run([*git, "init", "-q"], check=True)
  assert provenance.commit(tmp_path) == ""  # nothing committed
  (tmp_path / "file").write_text("one")
  subprocess.run([*git, "add", "file"], check=True)
  subprocess.run([*git, "commit", "-qm", "first"], check=True)
  head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
  assert provenance.commit(tmp_path) == head.stdout[:12]
  (tmp_path / "file").write_text("two")
  assert provenance.commit(tmp_path) == head.stdout[:12] + "+"


def test_the_machine_tells_its_cores():
  assert " core" in provenance.machine()


def test_the_interpreter_is_called_as_from_here(monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, "executable", str(pathlib.Path.cwd() / ".venv/bin/python"))
  assert provenance.interpreter() == ".venv/bin/python"
  monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
  assert provenance.interpreter() == "python"
