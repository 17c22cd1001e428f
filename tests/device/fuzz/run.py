"""Builds both fuzzers with clang, makes small models to begin with, and runs each for a while.

    python -m tests.device.fuzz.run [--seconds 300] [--folder fuzz]

What they find lies in the folder afterwards (crash-..., timeout-...), and the program fails.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from edge_rnnt.export import layout
from edge_rnnt.text.wordpiece import train_wordpieces
from tests.device import random_models

HERE = Path(__file__).parent
NATIVE = HERE.parents[2] / "edge_rnnt" / "device" / "native"
FLAGS = ("-std=c++17", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-ffp-contract=off")
CELLS = ("lstm", "cifg", "sru")
LIMITS = ("-max_len=60000", "-timeout=30", "-rss_limit_mb=3000", "-print_final_stats=1")


def build(name: str, folder: Path) -> Path:
  target = folder / name
  sources = [HERE / f"{name}.cc", *NATIVE.glob("*.cc"), *NATIVE.glob("kernels/*.cc")]
  command = ["clang++", *FLAGS, "-fno-sanitize-recover=all", f"-I{NATIVE}", *map(str, sources)]
  subprocess.run([*command, "-o", str(target)], check=True)
  return target


def write_models(folder: Path) -> list[Path]:
  """A tiny model of every cell, scheme and way to store it."""
  folder.mkdir(exist_ok=True)
  wordpieces = train_wordpieces(["one two three"], vocab_size=16, model_type="char")
  sizes = {"encoder_cells": 9, "encoder_projection": 6, "prediction_cells": 5}
  sizes |= {"prediction_projection": 4, "embedding_dim": 3, "joint_dim": 5, "encoder_layers": 2}
  written = []
  for cell, scheme, storage in itertools.product(CELLS, layout.SCHEMES, random_models.BLOCKS):
    shape = random_models.architecture(cell, random_models.vocabulary(wordpieces), **sizes)
    path, rng = folder / f"{cell}-{scheme}-{storage}.edge", np.random.default_rng(0)
    written.append(random_models.write_model(path, shape, scheme, storage, wordpieces, rng))
  return written


def fuzz(program: Path, corpus: Path, folder: Path, seconds: int, **environment: str) -> int:
  command = [str(program), f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", *LIMITS]
  command += [f"-dict={HERE / 'words.dict'}", str(corpus)]
  with (folder / f"{program.name}.log").open("w") as log:
    result = subprocess.run(command, env=os.environ | environment, stderr=log)
  lines = (folder / f"{program.name}.log").read_text(errors="replace").splitlines()
  print(
    program.name,
    *[line for line in lines if "stat::number_of_executed" in line or "SUMMARY" in line],
  )
  return result.returncode


def main() -> None:
  parser = argparse.ArgumentParser(prog="python -m tests.device.fuzz.run")
  parser.add_argument("--seconds", type=int, default=60, help="for each of the fuzzers")
  parser.add_argument("--folder", type=Path, default=Path("fuzz"))
  options = parser.parse_args()
  if shutil.which("clang++") is None:
    print("skipped: the fuzzers are built by clang++, which is not here")
    return
  folder = options.folder.resolve()
  folder.mkdir(parents=True, exist_ok=True)
  models = write_models(folder / "models")
  calls = folder / "calls-corpus"
  calls.mkdir(exist_ok=True)
  opener, program = build("model_file", folder), build("calls", folder)
  results = [fuzz(opener, folder / "models", folder, options.seconds)]
  for model in models[:: len(random_models.BLOCKS) + 1]:  # other cells, schemes and blocks in turn
    seconds = max(1, options.seconds // 8)
    results.append(fuzz(program, calls, folder, seconds, MODEL=str(model)))
  sys.exit(any(results))


if __name__ == "__main__":
  main()
