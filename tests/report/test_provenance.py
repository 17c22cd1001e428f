"""Versions and the machine are those at hand."""

import pathlib
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


def test_the_machine_tells_its_cores():
  assert " core" in provenance.machine()


def test_the_interpreter_is_called_as_from_here(monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, "executable", str(pathlib.Path.cwd() / ".venv/bin/python"))
  assert provenance.interpreter() == ".venv/bin/python"
  monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
  assert provenance.interpreter() == "python"
