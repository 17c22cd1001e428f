"""The C++ reader of device files, under sanitizers: Python's numbers from good files, no crash on
broken ones."""

import copy
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from edge_rnnt.device.container import read
from edge_rnnt.export import layout

NATIVE = pathlib.Path(__file__).parents[2] / "edge_rnnt" / "device" / "native"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
  compiler = shutil.which("c++") or shutil.which("g++")
  if compiler is None:
    pytest.skip("there is no C++ compiler")
  target = tmp_path_factory.mktemp("native") / "native_container"
  sources = [pathlib.Path(__file__).with_name("native_container.cc")]
  sources += [
    NATIVE / name for name in ("container.cc", "container_values.cc", "json.cc", "weights.cc")
  ]
  flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}"]
  flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
  subprocess.run([compiler, *flags, *map(str, sources), "-o", str(target)], check=True)
  return target


def thinned(example):
  """The example with most blocks of its kernels at zero, whatever the shape of a block."""
  params = copy.deepcopy(example.params)
  for part in ("encoder", "prediction"):
    for layer in params[part].values():
      if isinstance(layer, dict) and "kernel" in layer:
        layer["kernel"][4:-5] = 0
  return example._replace(params=params)


@pytest.mark.parametrize("block", [(8, 1), (1, 8), (16, 1), (3, 5)])
@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
def test_kernels_are_those_that_python_reads(example, program, tmp_path, scheme, block):
  cell = {"float": "sru", "hybrid": "cifg", "integer": "lstm"}[scheme]
  path = thinned(example(cell)).write(tmp_path / "model.edge", scheme, block=block)
  container = read(path)
  kernels = layout.kernels(container.architecture)
  assert any(f"{name}.blocks" in container.stored for name in kernels)
  for name, shape in kernels.items():
    ran = subprocess.run([program, path, name], capture_output=True, check=True)
    expected = container.tensor(name)
    found = np.frombuffer(ran.stdout, expected.dtype).reshape(shape)
    np.testing.assert_array_equal(found, expected)


def verdicts(program, paths):
  """ "ok", or why a file is refused; a crash or a sanitizer's finding fails here."""
  ran = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
  assert ran.returncode == 0, ran.stderr[-3000:]
  lines = ran.stdout.splitlines()
  assert len(lines) == len(paths)
  for line, path in zip(lines, paths, strict=True):
    assert line == "ok" or line.startswith(f"{path}: "), line
  return lines


def test_a_file_cut_anywhere_is_refused(example, program, tmp_path):
  whole = thinned(example("lstm")).write(tmp_path / "model.edge", "integer").read_bytes()
  ends = [0, 1, 7, 8, 9, *np.linspace(10, len(whole) - 1, 200).astype(int).tolist()]
  paths = []
  for end in ends:
    paths.append(tmp_path / f"cut-{end}.edge")
    paths[-1].write_bytes(whole[:end])
  assert "ok" not in verdicts(program, paths)


def test_damage_is_refused_or_harmless(example, program, tmp_path):
  whole = thinned(example("cifg")).write(tmp_path / "model.edge", "hybrid").read_bytes()
  header = 8 + int.from_bytes(whole[:8], "little")
  rng, paths = np.random.default_rng(0), []
  for number in range(600):
    damaged = bytearray(whole)
    # Two of three hit the header, where names, places and sizes are; the rest the blocks' indices.
    last = header if number % 3 else len(whole)
    for at in rng.integers(0, last, rng.integers(1, 4)):
      damaged[at] = rng.integers(256) if number % 2 else damaged[at] ^ (1 << rng.integers(8))
    paths.append(tmp_path / f"damaged-{number}.edge")
    paths[-1].write_bytes(damaged)
  found = verdicts(program, paths)
  assert found.count("ok") < 500 and len(set(found)) > 100  # much is noticed, and told apart


def test_what_is_no_file_is_refused(program, tmp_path):
  lines = verdicts(program, [tmp_path / "missing.edge", tmp_path])
  assert "No such file" in lines[0] and "not a file" in lines[1]
