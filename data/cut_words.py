r"""Where each word of a recorded digit string begins and ends, by dynamic time warping.

  python -m data.cut_words > data/digit_words.tsv

Five people say the single digits of ../shared/data, dozens say strings of them among the sentences
of `read`. Cut into words, what these say can be dealt into new strings like the rest. Nobody has
written down where the words are, so a string is laid beside single digits that other people said,
one after the other, and warped onto them in time:

  C[i, j] = |u[i] - v[j]|                                    u of the string, v of the singles
  D[i, j] = min(D[i-1, j] + C, D[i-1, j-1] + C, D[i-1, j-2] + 1.5 C)

(Sakoe & Chiba 1978, with a step for every frame of the string.) A border is where the cheapest path
crosses the pause between two singles. That is done with TRIES draws of singles; the median of the
half that fits best counts.

The table is kept with the code, as it takes a minute and only changes if the recordings do.
Measured: of the 289 words of training, cut out, the package's model of the day heard 84 % as what
was said (cut at the quietest places instead: 73 %; within their strings, by which it was trained:
94 %). Nobody listened to them.
"""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.fft
from jaxtyping import Float, Int

from data.at_hand import BESIDE_REPOSITORY
from data.grammar import DIGITS
from edge_rnnt.audio.frontend import FRAME_SECONDS, FrontEnd
from edge_rnnt.inputs.dataset import ManifestSource
from edge_rnnt.inputs.manifest import read_manifest

RATE = 8000
TRIES = 24
AROUND, BETWEEN = 0.1, 0.05  # seconds of near silence at both ends, and from single to single
HISS = 1e-3
RANGE = 9.0  # nepers below the loud parts, under which nothing is told apart
CEPSTRA = 13


def borders(
  string: np.ndarray, singles: Sequence[Sequence[np.ndarray]], rng: np.random.Generator
) -> list[float]:
  """Seconds at which the words of `string` begin, and the last ends.

  string: samples [N] at RATE, in [-1, 1]. singles: for each of its words the recordings of that
  word to draw from.
  """
  heard = features(string)
  found, costs = [], []
  for _ in range(TRIES):
    joined, middles = _joined([each[rng.integers(len(each))] for each in singles], rng)
    path, cost = warp(heard, features(joined))
    found.append(np.searchsorted(path, middles / FRAME_SECONDS))
    costs.append(cost)
  best = np.argsort(costs)[: TRIES // 2]
  return (np.median(np.array(found)[best], axis=0) * FRAME_SECONDS).tolist()


def features(samples: np.ndarray) -> Float[np.ndarray, "T 2C"]:
  """Cepstra of the log-mel energies, less their mean, and how they change."""
  log_mel = FrontEnd(sample_rate=RATE, num_mels=40, low_hz=60.0, high_hz=3900.0).log_mel(samples)
  loud = np.percentile(log_mel.max(axis=1), 95)
  cepstra = scipy.fft.dct(np.maximum(log_mel, loud - RANGE), norm="ortho", axis=1)[:, :CEPSTRA]
  cepstra = cepstra - cepstra.mean(axis=0)
  cepstra[:, 0] *= 0.5  # loudness, which tells words apart the least
  return np.hstack([cepstra, 2 * np.gradient(cepstra, axis=0)])


def warp(
  u: Float[np.ndarray, "I F"], v: Float[np.ndarray, "J F"]
) -> tuple[Int[np.ndarray, "I"], float]:
  """The frame of v for every frame of u on the cheapest path, and its cost a frame of u."""
  cost = np.linalg.norm(u[:, None] - v[None], axis=-1)
  total, steps = np.cumsum(cost[0]), np.zeros(cost.shape, int)
  for i in range(1, len(u)):
    by_step = np.stack([total, _shifted(total, 1), _shifted(total, 2)])
    by_step += cost[i] * np.array([[1.0], [1.0], [1.5]])
    steps[i] = by_step.argmin(axis=0)
    total = by_step.min(axis=0)
  path = np.empty(len(u), int)
  path[-1] = len(v) - 1
  for i in range(len(u) - 1, 0, -1):
    path[i - 1] = path[i] - steps[i, path[i]]
  return path, float(total[-1]) / len(u)


def _shifted(total: Float[np.ndarray, "J"], by: int) -> Float[np.ndarray, "J"]:
  return np.concatenate([np.full(by, np.inf), total[:-by]])


def _joined(
  words: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, Float[np.ndarray, "n"]]:
  """The words with near silence around them, and the seconds at which one gives way to the next."""
  around, between = int(AROUND * RATE), int(BETWEEN * RATE)
  pieces, middles = [np.zeros(around)], [AROUND]
  for word in words:
    pieces += [word / np.abs(word).max(), np.zeros(between)]
    middles.append(sum(map(len, pieces)) / RATE - BETWEEN / 2)
  middles[-1] -= BETWEEN / 2
  joined = np.concatenate([*pieces, np.zeros(around)])
  return joined + rng.normal(0, HISS, len(joined)), np.array(middles)


def find(shared: pathlib.Path) -> Iterator[tuple[str, list[float]]]:
  """Id and borders of every digit string that is trained on, in seconds."""
  digits, read = (_training(shared / name) for name in ("digits", "read"))
  by_word = {word: [] for word in DIGITS}
  for item in range(len(digits)):
    by_word[digits.text(item)].append(digits[item].samples)
  rng = np.random.default_rng(0)
  for item in range(len(read)):
    words = read.text(item).split()
    if set(words) <= set(DIGITS):
      yield read.id(item), borders(read[item].samples, [by_word[word] for word in words], rng)


def main() -> None:
  print("id\tborders")
  for name, found in find(BESIDE_REPOSITORY):
    print(name, " ".join(f"{each:.2f}" for each in found), sep="\t", flush=True)


def _training(place: pathlib.Path) -> ManifestSource:
  utterances, _ = read_manifest(place)
  return ManifestSource([each for each in utterances if each.split == "train"], RATE)


if __name__ == "__main__":
  main()
