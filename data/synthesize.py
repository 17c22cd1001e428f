"""Sets of synthetic speech made on the spot: seeded, many voices and accents, speakers disjoint
between splits.
"""

import concurrent.futures
import dataclasses
import io
import json
import pathlib
import subprocess
import sys
import zlib
from collections.abc import Callable

import numpy as np

from data.kept import keep, kept_path, read_kept
from data.synthesizers import ESPEAK, Synthesizer
from edge_rnnt.inputs.dataset import MemorySource

CHUNK = 250  # utterances of one process; part of what a set is, so never tuned per machine


class SynthesizerMissing(ImportError):
  """A synthesizer is not installed or does not run; the message says which, and what to do."""


@dataclasses.dataclass(frozen=True)
class Line:
  """One thing to say, and how: voice of a speaker with an accent, words a minute, pitch 0..100."""

  text: str
  speaker: str
  accent: str
  words_per_minute: int
  pitch: int
  seed: int


def plan_lines(
  say: Callable[[np.random.Generator], str],
  count: int,
  split: str,
  seed: int,
  by: Synthesizer = ESPEAK,
) -> list[Line]:
  """`count` texts drawn by `say`, each with a random voice of the split's speakers.

  Raises ValueError for a synthesizer that has no voices to spare for the split.
  """
  if split not in by.speakers:
    raise ValueError(f"{by.name} has voices for {', '.join(by.speakers)} alone, not for {split}")
  rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
  return [
    Line(
      text=say(rng),
      speaker=str(rng.choice(by.speakers[split])),
      accent=str(rng.choice(by.accents)),
      words_per_minute=int(rng.integers(130, 221)),
      pitch=int(rng.integers(30, 71)),
      seed=int(rng.integers(1, 2**31)),
    )
    for _ in range(count)
  ]


def synthesize(
  lines: list[Line],
  sample_rate: int,
  *,
  name: str,
  by: Synthesizer = ESPEAK,
  processes: int = 2,
  cache_dir: pathlib.Path | None = None,
) -> MemorySource:
  """Speaks the lines (trimmed, at a random level, over a weak random noise floor); by espeak-ng
  about 250 x real time per core.

  The result is a function of lines, synthesizer and sample_rate alone, however many processes
  speak; with `cache_dir` it is kept there and read the next time. Raises SynthesizerMissing where
  the synthesizer is not installed.
  """
  ids = [f"{name}-{line.speaker}-{number:05d}" for number, line in enumerate(lines)]
  path = cache_dir and kept_path(cache_dir, name, [_source(by), sample_rate, *map(_plain, lines)])
  spoken = path and read_kept(path)
  if spoken is None:
    spoken = dict(zip(ids, _speak(lines, by, sample_rate, processes), strict=True))
    if path is not None:
      keep(path, spoken)
  texts, speakers = [line.text for line in lines], [line.speaker for line in lines]
  return MemorySource([spoken[each] for each in ids], texts, speakers, ids, sample_rate)


def _speak(
  lines: list[Line], by: Synthesizer, sample_rate: int, processes: int
) -> list[np.ndarray]:
  if not by.is_here():
    raise SynthesizerMissing(f"synthetic speech needs {by.install}")
  chunks = [lines[begin : begin + CHUNK] for begin in range(0, len(lines), CHUNK)]
  with concurrent.futures.ThreadPoolExecutor(processes) as pool:
    spoken = list(pool.map(lambda chunk: _speak_chunk(chunk, by, sample_rate), chunks))
  raw = [each for lengths, samples in spoken for each in np.split(samples, np.cumsum(lengths)[:-1])]
  return [_finish(each, line, sample_rate) for each, line in zip(raw, lines, strict=True)]


def _speak_chunk(
  lines: list[Line], by: Synthesizer, sample_rate: int
) -> tuple[np.ndarray, np.ndarray]:
  """In a process of its own: see data/espeak.py for why."""
  utterances = [
    {
      "text": line.text,
      "voice": by.voice(line.speaker, line.accent),
      "words_per_minute": line.words_per_minute,
      "pitch": line.pitch,
      "seed": line.seed,
    }
    for line in lines
  ]
  ran = subprocess.run(
    [sys.executable, by.program],
    input=json.dumps({"sample_rate": sample_rate, "utterances": utterances}).encode(),
    capture_output=True,
    check=False,
  )
  if ran.returncode:
    last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
    raise SynthesizerMissing(f"{by.name} does not run here (status {ran.returncode}): {last[0]}")
  packed = io.BytesIO(ran.stdout)
  return np.load(packed), np.load(packed)


def _finish(samples: np.ndarray, line: Line, sample_rate: int) -> np.ndarray:
  """Speech between 0.05-0.3 s of pause, peak 0.1-0.9 of full scale, noise 25-50 dB below it."""
  rng = np.random.default_rng([line.seed, 0xF1215])
  loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 300)
  spoken = samples[loud[0] : loud[-1] + 1] if len(loud) else samples
  before, after = (rng.uniform(0.05, 0.3, 2) * sample_rate).astype(int)
  wave = np.pad(spoken.astype(np.float64), (before, after))
  level = rng.uniform(0.1, 0.9) / max(1.0, np.abs(wave).max())
  wave *= level * 32767
  noise = wave.std() * 10 ** (-rng.uniform(25, 50) / 20)
  wave += rng.normal(0.0, 1.0, len(wave)) * noise
  return np.clip(np.round(wave), -32768, 32767).astype(np.int16)


def _source(by: Synthesizer) -> str:
  """This code's own choices are part of what a set was made from."""
  files = (pathlib.Path(__file__), by.program)
  return "".join(file.read_text(encoding="utf-8") for file in files)


def _plain(line: Line) -> list:
  return list(dataclasses.astuple(line))
