"""How fast a device file is: one stream, one thread, audio in chunks of a stated length.

    python -m edge_rnnt.device.bench --model FILE a.wav b.wav [--chunk 0.1] [--engine reference]

prints one JSON object. RTF is processing time / audio time: the time spent in `accept` and
`finish`, hence front end, networks and search, but neither reading files nor opening the model.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from edge_rnnt.audio.files import read_audio
from edge_rnnt.device.engine import Engine, Recognizer

CHUNK_SECONDS = 0.1
BLAS = ("OPENBLAS", "OMP", "MKL")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in BLAS}


class Measurement(NamedTuple):
  """One run over some audio."""

  rtf: float
  audio_seconds: float
  compute_seconds: float
  """CPU time of the process, all its threads together."""
  wall_seconds: float
  slowest_chunk: float
  """Seconds that the slowest chunk took."""
  chunk_seconds: float
  engine: Engine


def measure(
  recognizer: Recognizer, utterances: Iterable[np.ndarray], chunk_seconds: float = CHUNK_SECONDS
) -> Measurement:
  """Streams utterances (samples [N] at the recognizer's rate) one after the other in this process.

  CPU time is counted, so that neighbours on the machine don't slow it down, and threads don't
  speed it up: a second one is counted, too. Raises ValueError without audio.
  """
  chunk = max(1, round(chunk_seconds * recognizer.sample_rate))
  samples, cpu, wall, slowest = 0, 0.0, 0.0, 0.0
  for utterance in utterances:
    stream = recognizer.stream()
    for begin in range(0, len(utterance) + chunk, chunk):
      cpu_before, wall_before = time.process_time(), time.perf_counter()
      if begin < len(utterance):
        stream.accept(utterance[begin : begin + chunk])
      else:
        stream.finish()
      spent = time.process_time() - cpu_before
      cpu, wall = cpu + spent, wall + time.perf_counter() - wall_before
      slowest = max(slowest, spent)
    samples += len(utterance)
  if not samples:
    raise ValueError("nothing to measure: there is no audio")
  audio = samples / recognizer.sample_rate
  return Measurement(cpu / audio, audio, cpu, wall, slowest, chunk_seconds, recognizer.engine)


def rtf(
  model: str | Path,
  audio: Sequence[str | Path],
  chunk_seconds: float = CHUNK_SECONDS,
  engine: Engine | None = None,
) -> Measurement:
  """`measure` on audio files in a fresh process whose linear algebra is limited to one thread.

  BLAS reads the limit when it is loaded, so a process that has done so already cannot measure.
  Raises RuntimeError with what that process said if it fails.
  """
  command = [sys.executable, "-m", "edge_rnnt.device.bench", "--model", str(model)]
  command += ["--chunk", str(chunk_seconds), *(["--engine", engine] if engine else [])]
  command += map(str, audio)
  done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True)
  if done.returncode:
    raise RuntimeError(f"measuring {model} failed:\n{done.stderr.strip()}")
  return Measurement(**json.loads(done.stdout))


def main(arguments: list[str] | None = None) -> None:
  parser = argparse.ArgumentParser(prog="python -m edge_rnnt.device.bench")
  parser.add_argument("--model", required=True, metavar="FILE", help="device file")
  parser.add_argument("--chunk", type=float, default=CHUNK_SECONDS, metavar="SECONDS")
  parser.add_argument("--engine", choices=get_args(Engine), help="native if it is built")
  parser.add_argument("audio", nargs="+", help="audio files")
  options = parser.parse_args(arguments)
  alone = ONE_THREAD.items() <= os.environ.items()
  run = _measure_files if alone else rtf
  result = run(options.model, options.audio, options.chunk, options.engine)
  print(json.dumps(result._asdict()))


def _measure_files(
  model: str, audio: Sequence[str], chunk_seconds: float, engine: Engine | None
) -> Measurement:
  recognizer = Recognizer.open(model, engine=engine)
  utterances = [read_audio(path, recognizer.sample_rate) for path in audio]
  measure(recognizer, utterances[:1], chunk_seconds)  # what is computed once only: tables, filters
  return measure(recognizer, utterances, chunk_seconds)


if __name__ == "__main__":
  main()
