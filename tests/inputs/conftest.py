"""Two small corpora of noise with words, a front end, and an encoder of one id per word."""

import numpy as np
import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs.dataset import MemorySource
from edge_rnnt.inputs.prepared import Prepared, prepare

RATE = 8000
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class WordIds:
  """Text -> the number of each word."""

  def encode(self, text: str) -> list[int]:
    return [WORDS.index(word) for word in text.split()]


def noise_source(name: str, count: int, seconds: tuple[float, float], seed: int) -> MemorySource:
  """Utterances of random lengths and of one word per 0.3 s or so."""
  rng = np.random.default_rng(seed)
  lengths = (rng.uniform(*seconds, count) * RATE).astype(int)
  samples = [rng.normal(0, 3000, length).astype(np.int16) for length in lengths]
  texts = [" ".join(rng.choice(WORDS, max(1, length // 2400))) for length in lengths]
  speakers = [f"s{n % 5}" for n in range(count)]
  return MemorySource(samples, texts, speakers, [f"{name}{n}" for n in range(count)], RATE)


@pytest.fixture(scope="session")
def front_end() -> FrontEnd:
  return FrontEnd(sample_rate=RATE, num_mels=20, tail_seconds=0.1)


@pytest.fixture(scope="session")
def sources(front_end) -> dict[str, Prepared]:
  return {
    "orders": prepare(noise_source("o", 53, (0.4, 3.0), 1), front_end, WordIds()),
    "strings": prepare(noise_source("s", 90, (0.3, 2.0), 2), front_end, WordIds()),
  }
