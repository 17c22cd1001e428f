"""Sets of synthetic speech made on the spot: seeded, many voices and accents, speakers disjoint
between splits.
"""

import concurrent.futures
import dataclasses
import importlib.util
import io
import json
import pathlib
import subprocess
import sys
import zlib
from collections.abc import Callable

import numpy as np

from data import espeak
from data.kept import keep, kept_path, read_kept
from edge_rnnt.inputs.dataset import MemorySource

ACCENTS = (
  "en",
  "en-us",
  "en-us-nyc",
  "en-gb-scotland",
  "en-gb-x-rp",
  "en-gb-x-gbclan",
  "en-gb-x-gbcwmd",
  "en-029",
)
# espeak-ng's variants that sound like people (no robots, whispers, croaks). A variant is a speaker.
TRAIN_SPEAKERS = """
Alex Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael
Nguyen Reed adam anika antonio aunty benjamin boris caleb david ed edward f1 f3 f5
grandma gustave ian iven iven2 iven3 klatt klatt2 klatt4 m1 m2 m4 m5 m6 m8 marcelo max
michel miguel mike2 norbert pablo pedro quincy rob sandro shelby steph steph2 travis zac
"""
SPEAKERS = {
  "train": tuple(TRAIN_SPEAKERS.split()),
  "dev": ("Alicia", "f2", "john", "m3", "paul"),
  "test": ("belinda", "f4", "m7", "robert", "victor"),
}
CHUNK = 250  # utterances of one process; part of what a set is, so never tuned per machine


class SynthesizerMissing(ImportError):
  """espeak-ng is not installed or does not run; the message says which, and what to do."""


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
  say: Callable[[np.random.Generator], str], count: int, split: str, seed: int
) -> list[Line]:
  """`count` texts drawn by `say`, each with a random voice of the split's speakers."""
  rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
  return [
    Line(
      text=say(rng),
      speaker=str(rng.choice(SPEAKERS[split])),
      accent=str(rng.choice(ACCENTS)),
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
  processes: int = 2,
  cache_dir: pathlib.Path | None = None,
) -> MemorySource:
  """Speaks the lines (trimmed, at a random level, over a weak random noise floor); about 250 x
  real time per core.

  The result is a function of lines and sample_rate alone, however many processes speak; with
  `cache_dir` it is kept there and read the next time. Raises SynthesizerMissing without the wheel
  espeakng-loader.
  """
  ids = [f"{name}-{line.speaker}-{number:05d}" for number, line in enumerate(lines)]
  path = cache_dir and kept_path(cache_dir, name, [_source(), sample_rate, *map(_plain, lines)])
  spoken = path and read_kept(path)
  if spoken is None:
    spoken = dict(zip(ids, _speak(lines, sample_rate, processes), strict=True))
    if path is not None:
      keep(path, spoken)
  texts, speakers = [line.text for line in lines], [line.speaker for line in lines]
  return MemorySource([spoken[each] for each in ids], texts, speakers, ids, sample_rate)


def _speak(lines: list[Line], sample_rate: int, processes: int) -> list[np.ndarray]:
  if importlib.util.find_spec("espeakng_loader") is None:
    raise SynthesizerMissing(
      "synthetic speech needs the espeak-ng library: pip install espeakng-loader (GPL-3.0)"
    )
  chunks = [lines[begin : begin + CHUNK] for begin in range(0, len(lines), CHUNK)]
  with concurrent.futures.ThreadPoolExecutor(processes) as pool:
    spoken = list(pool.map(lambda chunk: _speak_chunk(chunk, sample_rate), chunks))
  raw = [each for lengths, samples in spoken for each in np.split(samples, np.cumsum(lengths)[:-1])]
  return [_finish(each, line, sample_rate) for each, line in zip(raw, lines, strict=True)]


def _speak_chunk(lines: list[Line], sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
  """In a process of its own: see data/espeak.py for why."""
  utterances = [
    {
      "text": line.text,
      "voice": f"{line.accent}+{line.speaker}",
      "words_per_minute": line.words_per_minute,
      "pitch": line.pitch,
      "seed": line.seed,
    }
    for line in lines
  ]
  ran = subprocess.run(
    [sys.executable, espeak.__file__],
    input=json.dumps({"sample_rate": sample_rate, "utterances": utterances}).encode(),
    capture_output=True,
    check=False,
  )
  if ran.returncode:
    last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
    raise SynthesizerMissing(f"espeak-ng does not run here (status {ran.returncode}): {last[0]}")
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


def _source() -> str:
  """This code's own choices are part of what a set was made from."""
  files = (pathlib.Path(__file__), pathlib.Path(espeak.__file__))
  return "".join(file.read_text(encoding="utf-8") for file in files)


def _plain(line: Line) -> list:
  return list(dataclasses.astuple(line))
