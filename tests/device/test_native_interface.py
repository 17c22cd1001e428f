"""The native library from outside: from C, on broken files, built alone, and not built at all."""

import functools
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from edge_rnnt.device import binding, engine
from edge_rnnt.device.engine import Recognizer
from tests.device.test_native_engine import model, noise

ROOT = pathlib.Path(__file__).parents[2]
NATIVE = ROOT / "edge_rnnt" / "device" / "native"

built = pytest.mark.skipif(not binding.available(), reason="the native engine is not built")


def compiler(name: str) -> str:
  found = shutil.which(name)
  if found is None:
    pytest.skip(f"there is no {name}")
  return found


@pytest.fixture(scope="module")
def counting(tmp_path_factory) -> pathlib.Path:
  """The program that counts allocations, on top of the library as it is."""
  target = tmp_path_factory.mktemp("native") / "native_memory"
  source, library = pathlib.Path(__file__).with_name("native_memory.c"), binding.library()._name
  command = [compiler("cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}", str(source)]
  subprocess.run([*command, library, "-o", str(target)], check=True)
  return target


@built
@pytest.mark.skipif(sys.platform != "linux", reason="counts through glibc's malloc")
@pytest.mark.parametrize("scheme", ["float", "hybrid", "integer"])
@pytest.mark.parametrize("cell", ["lstm", "cifg", "sru"])
def test_nothing_is_allocated_after_a_stream_is_open(tmp_path, counting, cell, scheme):
  path, audio = model(tmp_path, cell, scheme, "8x1"), tmp_path / "samples"
  noise(5000).tofile(audio)
  ran = subprocess.run([counting, path, audio], capture_output=True, text=True, check=True)
  opening, after, said = map(int, ran.stdout.split())
  assert opening > 50 and said > 10
  assert after == 0


OPEN_ALL = """
import sys
import numpy as np
from edge_rnnt.device.binding import NativeModel
from edge_rnnt.device.container import ContainerError
samples = (0.1 * np.random.default_rng(0).standard_normal(3000)).astype(np.float32)
for path in sys.argv[1:]:
  try:
    stream = NativeModel(path, 4).stream()
    stream.accept(samples)
    stream.finish()
    print("ok")
  except ContainerError as error:
    assert str(error).startswith(f"{path}: "), error
    print(" ".join(str(error).removeprefix(path).split()))
"""


def verdicts(paths: list[pathlib.Path]) -> list[str]:
  """What a process of its own says of each file; a crash fails here."""
  ran = subprocess.run(
    [sys.executable, "-c", OPEN_ALL, *map(str, paths)],
    capture_output=True,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    check=False,
  )
  assert ran.returncode == 0, ran.stderr[-2000:]
  return ran.stdout.decode(errors="replace").splitlines()


@built
@pytest.mark.parametrize(("cell", "scheme"), [("lstm", "integer"), ("sru", "hybrid")])
def test_broken_files_are_refused_or_run_but_never_crash(tmp_path, cell, scheme):
  whole = model(tmp_path, cell, scheme, "8x1").read_bytes()
  header, rng, paths = 8 + int.from_bytes(whole[:8], "little"), np.random.default_rng(1), []
  for number in range(150):
    damaged = bytearray(whole)
    for at in rng.integers(0, header if number % 3 else len(whole), rng.integers(1, 4)):
      damaged[at] = rng.integers(256) if number % 2 else damaged[at] ^ (1 << rng.integers(8))
    paths.append(tmp_path / f"{number}.edge")
    paths[-1].write_bytes(damaged)
  for end in np.linspace(0, len(whole) - 1, 40).astype(int):
    paths.append(tmp_path / f"cut-{end}.edge")
    paths[-1].write_bytes(whole[:end])
  found = verdicts(paths)
  assert len(found) == len(paths) and "ok" not in found[150:]
  assert 5 < found.count("ok") < 130 and len(set(found)) > 20


def rewritten(path: pathlib.Path, change) -> pathlib.Path:
  """The file with its description changed."""
  content = path.read_bytes()
  length = int.from_bytes(content[:8], "little")
  header = json.loads(content[8 : 8 + length])
  description = json.loads(header["__metadata__"]["edge_rnnt"])
  change(description)
  header["__metadata__"]["edge_rnnt"] = json.dumps(description)
  text = json.dumps(header).encode()
  text += b" " * (-len(text) % 8)
  target = path.with_name("rewritten.edge")
  target.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
  return target


REFUSED = (
  ("front_end", {"stack": 4}, "the front end makes 20 features, the model takes 15"),
  ("front_end", {"high_hz": 9000.0}, "mel bands do not lie within"),
  ("front_end", {"sample_rate": 10**9}, "sample_rate is not a whole number of 1000..200000"),
  ("front_end", {"tail_seconds": 1e9}, "tail_seconds of the front end is not one of 0 .. 60"),
  ("front_end", {"std": None}, "a mean without a std"),
  ("front_end", {"clip": -1.0}, "clip of the front end"),
  ("model", {"vocab_size": 25}, "the word-pieces make a vocabulary of"),
  ("model", {"encoder_cells": 44}, "of another type or shape than the model's sizes say"),
  ("activations", {"encoder/layer_0/cell": {"scale": 0.01, "zero_point": 0}}, "power of two"),
  ("activations", {"encoder/layer_0/output": {"scale": 1e30, "zero_point": 0}}, "factor in 0"),
)


@built
@pytest.mark.parametrize(("part", "values", "reason"), REFUSED)
def test_descriptions_that_do_not_fit_are_refused_with_the_reason(tmp_path, part, values, reason):
  path = rewritten(
    model(tmp_path, "lstm", "integer"), lambda description: description[part].update(values)
  )
  (verdict,) = verdicts([path])
  assert reason in verdict


@built
@pytest.mark.slow
def test_the_library_alone_and_its_example(tmp_path):
  """cmake, a C++ program, and a WAV file: as on a device without Python."""
  cmake, quiet = compiler("cmake"), functools.partial(subprocess.run, check=True, text=True)
  quiet([cmake, "-S", str(NATIVE), "-B", str(tmp_path / "build"), "-Wno-dev"], capture_output=True)
  quiet([cmake, "--build", str(tmp_path / "build")], capture_output=True)
  path, samples = model(tmp_path, "lstm", "integer"), noise(8000)
  audio = tmp_path / "a.wav"
  soundfile.write(audio, samples, 8000, subtype="PCM_16")
  command = [tmp_path / "build" / "edge_rnnt_transcribe", path, audio]
  heading, *lines = quiet(command, capture_output=True).stdout.splitlines()
  stream = Recognizer.open(path, engine="native").stream()
  stream.accept(soundfile.read(audio, dtype="float32")[0])
  stream.finish()
  assert heading.startswith(f"{audio}: 1.00 s of audio, RTF 0.")
  assert lines == [f"{word.start:8.2f}  {word.text}" for word in stream.words]
  wrong = tmp_path / "b.wav"
  soundfile.write(wrong, samples, 16000, subtype="PCM_16")
  ran = subprocess.run([*command, wrong], capture_output=True, text=True, check=False)
  assert ran.returncode == 1 and ran.stdout.startswith(heading[: len(str(audio))])
  assert "b.wav is not 16-bit audio of one channel at 8000 Hz" in ran.stderr


def test_without_a_compiler_the_package_is_built_without_the_engine(tmp_path):
  pytest.importorskip("setuptools")
  command = [sys.executable, "setup.py", "build_ext"]
  command += ["--build-lib", str(tmp_path / "lib"), "--build-temp", str(tmp_path / "temp")]
  nothing = {"CC": "/nowhere/cc", "CXX": "/nowhere/c++", "LDSHARED": "/nowhere/cc"}
  ran = subprocess.run(
    command, cwd=ROOT, env=os.environ | nothing, capture_output=True, text=True, check=False
  )
  assert ran.returncode == 0, ran.stderr
  assert not list(tmp_path.rglob("*.so"))
  assert "edge_rnnt.device._native" in ran.stdout + ran.stderr and "failed" in ran.stderr


def test_without_the_library_there_is_one_warning_and_the_reference(tmp_path, monkeypatch):
  monkeypatch.setattr(binding, "library", lambda: None)
  engine.default_engine.cache_clear()
  path = model(tmp_path, "lstm", "integer")
  with pytest.warns(RuntimeWarning, match="the native engine is not built") as caught:
    assert {Recognizer.open(path).engine for _ in range(3)} == {"reference"}
  assert len(caught) == 1
  engine.default_engine.cache_clear()
  with pytest.raises(RuntimeError, match="the native engine is not built"):
    Recognizer.open(path, engine="native")


@pytest.mark.arm
def test_the_whole_engine_on_arm_hears_the_same_words(tmp_path):
  """Cross-compiled and emulated: from samples to words as here, with every table of kernels."""
  flags = ["-std=c++17", "-O2", "-ffp-contract=off", "-static", "-pthread", f"-I{NATIVE}"]
  sources = [*NATIVE.glob("*.cc"), *NATIVE.glob("kernels/*.cc"), NATIVE / "examples/transcribe.cc"]
  program = tmp_path / "edge_rnnt_transcribe"
  command = [compiler("aarch64-linux-gnu-g++"), *flags, *map(str, sources), "-o", str(program)]
  subprocess.run(command, check=True)
  audio = tmp_path / "a.wav"
  soundfile.write(audio, noise(12000), 8000, subtype="PCM_16")
  samples = soundfile.read(audio, dtype="float32")[0]
  said = 0
  for cell, scheme in itertools.product(("lstm", "cifg", "sru"), ("float", "hybrid", "integer")):
    path = model(tmp_path, cell, scheme, "8x1")
    stream = Recognizer.open(path).stream()
    stream.accept(samples)
    stream.finish()
    said += len(stream.text)
    ran = subprocess.run(
      [compiler("qemu-aarch64"), program, path, audio], capture_output=True, text=True, check=True
    )
    lines = ran.stdout.splitlines()[1:]
    assert lines == [f"{word.start:8.2f}  {word.text}" for word in stream.words], (cell, scheme)
  assert said > 500
