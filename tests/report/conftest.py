"""Made-up results whose numbers fit: hypotheses by a noisy channel, rows counted from them."""

import pathlib
import shutil
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge_rnnt.report import evidence, hypotheses
from edge_rnnt.report.results import Curve, Data, Portion, Results, Row, scores

WORDS = {
  "digits": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
  "commands": ["turn", "on", "the", "kitchen", "lights", "make", "a", "small", "coffee", "please"],
}
FILE_BYTES = {"float": 4_312_480, "hybrid": 1_180_316, "integer": 1_163_904}


def utterances(name: str, number: int, noise: float, seed: int) -> list[tuple[str, str, str]]:
  """Spoken with one seed, misheard with another: (id, reference, hypothesis)."""
  spoken = np.random.default_rng(len(name))
  misheard = np.random.default_rng([seed, len(name)])
  heard = []
  for i in range(number):
    reference = spoken.choice(WORDS[name], size=spoken.integers(1, 7)).tolist()
    hypothesis = []
    for word in reference:
      chance = misheard.random()
      if chance > noise / 3:
        hypothesis.append(str(misheard.choice(WORDS[name])) if chance < noise else word)
    heard.append((f"{name}_{i:03d}", " ".join(reference), " ".join(hypothesis)))
  return heard


def model_rows(folder: pathlib.Path, sparsity: float, scheme: str, noise: float) -> list[Row]:
  """Rows of one model over digits, commands and both, with their hypotheses written to folder."""
  name = f"{round(100 * sparsity)} % {scheme}" if sparsity else f"dense {scheme}"
  stem = name.replace(" % ", "_").replace(" ", "_")
  seed = round(1000 * noise)
  by_set = {each: utterances(each, 100, noise, seed) for each in WORDS}
  by_set["all"] = [heard for each in WORDS for heard in by_set[each]]
  params, nonzero = 1_071_360, round(1_071_360 * (1 - 0.78 * sparsity))
  rows = []
  for each, heard in by_set.items():
    file = f"hypotheses_{stem}_{each}.tsv"
    hypotheses.write_hypotheses(folder / file, heard)
    rows.append(
      Row(
        name=name,
        cell="lstm",
        scheme=scheme,
        sparsity=sparsity,
        params=params,
        nonzero=nonzero,
        bytes=round(FILE_BYTES[scheme] * (1 - 0.72 * sparsity)),
        set=each,
        rtf={"float": 0.061, "hybrid": 0.048, "integer": 0.0342}[scheme] * (1 - 0.6 * sparsity),
        device_file=f"{stem}.edge",
        hypotheses=file,
        **scores(hypotheses.rescore((hypotheses.Heard(*h) for h in heard), samples=200)),
      )
    )
  return rows


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, tuple[Row, ...]]:
  """A folder with the hypotheses of nine models, and their rows."""
  folder = tmp_path_factory.mktemp("made")
  noise = {0.0: 0.10, 0.5: 0.105, 0.8: 0.12}
  extra = {"float": 0.0, "hybrid": 0.004, "integer": 0.007}
  return folder, tuple(
    row
    for sparsity, rate in noise.items()
    for scheme, more in extra.items()
    for row in model_rows(folder, sparsity, scheme, rate + more)
  )


@pytest.fixture(scope="session")
def make_results(made: tuple[pathlib.Path, tuple[Row, ...]]) -> Callable[..., Results]:
  """make_results(folder, **changes): nine models, LSTM, three schemes at three sparsities."""
  source, rows = made

  def make(folder: pathlib.Path, **changes: object) -> Results:
    shutil.copytree(source, folder, dirs_exist_ok=True)
    steps = tuple(range(0, 2001, 100))
    fields = {
      "data": Data(
        name="spoken digits and orders",
        description="Made up for this test: no audio was heard at all",
        synthetic=False,
        synthetic_train_share=0.25,
        unseen_speakers=True,
        licences=("CC0",),
        portions=tuple(
          Portion(set=each, split=split, utterances=number, hours=number / 1200, speakers=people)
          for each in WORDS
          for split, number, people in (("train", 1500, 31), ("dev", 120, 4), ("test", 100, 7))
        ),
      ),
      "command": "python -m experiments.quickstart --workdir runs/quickstart",
      "versions": {"python": "3.11.7", "jax": "0.10.2"},
      "rows": rows,
      "title": "Quickstart",
      "notes": ("Numbers made up by a test.",),
      "seconds": {"speech": 12.0, "training": 540.0, "export": 31.5, "evaluation": 20.0},
      "machine": "a made-up processor, 2 cores",
      "chunk_seconds": 0.1,
      "engine": "native",
      "recovery": 0.124,
      "charts": (
        Curve(
          name="dev WER",
          unit="%",
          steps=steps,
          values=tuple(9.0 + 91.0 * float(np.exp(-step / 350)) for step in steps),
        ),
        Curve(
          name="sparsity",
          unit="%",
          steps=steps,
          values=tuple(80.0 * min(1.0, max(0.0, (step - 800) / 800)) for step in steps),
        ),
      ),
      "next_commands": {
        "Train on your own recordings": "python -m experiments.quickstart --data_dir my_speech"
      },
    }
    return Results(**(fields | changes))

  return make


@pytest.fixture(scope="session", autouse=True)
def few_draws() -> Iterator[None]:
  """Fewer bootstrap draws than a report needs: these tests ask what is done with an interval."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(evidence, "SAMPLES", 400)
    yield
