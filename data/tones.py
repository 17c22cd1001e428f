"""A made-up language that a tiny model learns in seconds: every word is a chord.

For tests, and for a first run on a new machine: it needs neither files nor a network.
"""

from collections.abc import Sequence

import numpy as np

from data.corpora import Corpora
from edge_rnnt.inputs.dataset import MemorySource, to_int16
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.rejected import ManifestReport

# Two tones (Hz) a word, like a telephone's keys but far enough apart for a dozen mel bands.
CHORDS = {"do": (300, 1200), "re": (500, 1200), "mi": (300, 2100), "fa": (500, 2100)}
STRINGS = ("strings", "telephony", "read_strings")
WORD_SECONDS = (0.18, 0.3)
PAUSE_SECONDS = (0.06, 0.15)


def tone_source(
  count: int, *, seed: int, sample_rate: int = 8000, most: int = 4, speakers: int = 4
) -> MemorySource:
  """`count` utterances of 1 to `most` words at random paces and levels over weak noise.

  Speakers sing at their own pitch (up to 10 % apart). A function of its arguments.
  """
  rng = np.random.default_rng([seed, 0x70E5])
  samples, texts, names = [], [], []
  for _ in range(count):
    words = rng.choice(list(CHORDS), rng.integers(1, most + 1)).tolist()
    speaker = int(rng.integers(speakers))
    pitch = 0.95 + 0.1 * speaker / max(1, speakers - 1)
    pieces = [_pause(rng, sample_rate)]
    for word in words:
      pieces += [_chord(word, pitch, rng, sample_rate), _pause(rng, sample_rate)]
    wave = np.concatenate(pieces) * rng.uniform(0.1, 0.4)
    samples.append(to_int16(wave + rng.normal(0, 1e-3, len(wave))))
    texts.append(" ".join(words))
    names.append(f"singer{speaker}")
  ids = [f"tones{seed}-{number:04d}" for number in range(count)]
  return MemorySource(samples, texts, names, ids, sample_rate)


def tone_corpora(
  sample_rate: int = 8000, names: Sequence[str] = ("commands", "strings")
) -> Corpora:
  """Strings of known boundaries to align to (`strings`, `telephony`), and phrases of unknown ones
  under all other names; about ten minutes. Dev and test are phrases.
  """
  counts = {"train": (200, 2), "dev": (12, 3), "test": (20, 4)}
  phrases = {
    split: tone_source(count, seed=seed, sample_rate=sample_rate)
    for split, (count, seed) in counts.items()
  }
  singles = tone_source(120, seed=1, most=1, sample_rate=sample_rate)
  strings = JoinedStrings(singles, most=3, passes=4)
  judged = next((name for name in names if name not in STRINGS), "commands")
  sources = {split: {judged: source} for split, source in phrases.items()}
  sources["train"] = {name: strings if name in STRINGS else phrases["train"] for name in names}
  return Corpora("synthetic", "chords, not speech", True, **sources, report=ManifestReport(272))


def _chord(word: str, pitch: float, rng: np.random.Generator, sample_rate: int) -> np.ndarray:
  time = np.arange(int(rng.uniform(*WORD_SECONDS) * sample_rate)) / sample_rate
  tones = sum(np.sin(2 * np.pi * pitch * hertz * time) for hertz in CHORDS[word])
  return tones * np.hanning(len(time))


def _pause(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
  return np.zeros(int(rng.uniform(*PAUSE_SECONDS) * sample_rate))
