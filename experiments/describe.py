"""What a results page says in words and curves about a run: data, notes, what came back."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from data.corpora import Corpora
from data.licences import caveats, licences
from edge_rnnt.device.engine import default_engine
from edge_rnnt.inputs.dataset import Source
from edge_rnnt.prune import transform as prune
from edge_rnnt.report.provenance import interpreter
from edge_rnnt.report.results import Curve, Data, Portion
from edge_rnnt.train.state import TrainState
from experiments.build import Run
from experiments.speech import Speech

TITLES = {
  "own": "your own recordings",
  "spoken_digit": "spoken digits",
  "synthetic": "synthetic digit strings and orders",
}
LICENSED = ("shared", "spoken_digit")
"""Kinds of speech whose licences are known by the names of its sets."""
DOMAIN_TITLES = {
  "commands": "spoken orders",
  "strings": "digit strings",
  "telephony": "digit strings by telephone",
  "read": "read sentences",
}


def data(speech: Speech, begun: Run) -> Data:
  """The speech of a run; the synthetic share is that of the training batches."""
  corpora = speech.corpora
  recorded = {name: each for name, each in corpora.train.items() if _is_recorded(name)}
  mixed_in = [share for name, share in begun.exposure.items() if not _is_recorded(name)]
  portions = [
    _portion(name, split, source)
    for split, sources in (("train", recorded), ("dev", corpora.dev), ("test", corpora.test))
    for name, source in sources.items()
  ]
  return Data(
    name=_title(corpora),
    description=corpora.description,
    synthetic=corpora.synthetic,
    synthetic_train_share=1.0 if corpora.synthetic else sum(mixed_in, 0.0),
    unseen_speakers=_unseen(corpora.train, corpora.test),
    licences=_licences(corpora),
    portions=tuple(portions),
  )


def _licences(corpora: Corpora) -> tuple[str, ...]:
  return licences((*corpora.train, *corpora.test)) if corpora.kind in LICENSED else ()


def _title(corpora: Corpora) -> str:
  if corpora.kind != "shared":
    return TITLES.get(corpora.kind, corpora.kind)
  *first, last = (DOMAIN_TITLES[name] for name in corpora.dev)
  return f"{', '.join(first)} and {last}" if first else last


def notes(config: ConfigDict, speech: Speech) -> tuple[str, ...]:
  """What a reader must know to judge the numbers."""
  lines = [
    "Every row was measured from its device file by the device runtime "
    f"({default_engine()} engine).",
    *_pruned(config),
    *_quantized(config),
    f"Curriculum: {', '.join(config.curriculum)}.",
  ]
  lines += caveats(_licences(speech.corpora))
  if speech.corpora.apart:
    apart = " and ".join(sorted(speech.corpora.apart))
    lines.append(f"Not in the rows for all sets together: {apart}.")
  if config.checkpoints.average > 1:
    lines.append(
      f"Weights are the mean of {config.checkpoints.average} checkpoints of their stage, "
      f"{config.checkpoints.spacing} updates apart."
    )
  lines += _disturbed(config.augmentation)
  if config.start_from:
    lines.append(f"Began with the weights, word-pieces and front end of {config.start_from}.")
  if speech.left_out.rejected:
    lines.append(f"Left out of training: {speech.left_out}.")
  return tuple(lines)


def _pruned(config: ConfigDict) -> list[str]:
  """How, if anything is."""
  if all(config.stages[name].sparsity <= 0 for name in config.curriculum):
    return []
  block = "x".join(map(str, config.pruning.block))
  return [f"Pruned in {block} blocks, recovery {config.pruning.recovery}."]


def _quantized(config: ConfigDict) -> list[str]:
  """How the numbers of the device files came about."""
  aware = {name: config.stages[name].quantize for name in config.curriculum}
  aware = {name: scheme for name, scheme in aware.items() if scheme}
  calibrated = f"calibrated on {config.calibration_utterances} training utterances"
  if not aware:
    integers = [f"Integer rows are {calibrated}, without fine-tuning."]
    return integers if "integer" in config.schemes else []
  stages = ", ".join(f"{name} for {scheme}" for name, scheme in aware.items())
  return [
    f"Trained with fake quantization, masks frozen: {stages} (ranges {config.quantization.ranges} "
    f"until {config.quantization.freeze:.0%} of the stage). Other integer rows are {calibrated}."
  ]


def _disturbed(config: ConfigDict) -> list[str]:
  """What training speech was put into, where that is more than white noise."""
  shares = (
    ("background noise", config.noises, config.noise_share),
    ("rooms", config.rooms, config.room_share),
    ("a telephone line", "300-3400 Hz, mu-law", config.telephone_share),
  )
  used = [f"{what} ({of}) in {share:.0%}" for what, of, share in shares if of and share]
  return [f"Training speech was disturbed: {', '.join(used)} of the utterances."] if used else []


def own_folder() -> str:
  """The command that trains on a user's recordings."""
  return f"{interpreter()} -m experiments.quickstart --data_dir=FOLDER --workdir=runs/own"


def recovery(state: TrainState) -> float:
  """Share of all blocks ever pruned that came back."""
  return float(prune.report(state.opt_state)["blocks_back"])


def training(
  name: str, state: TrainState, metrics: pathlib.Path, metric: str = "dev_wer"
) -> dict[str, Any]:
  """The fields of a Row that tell of the training of a kept state; metric: its dev WER's name."""
  wers = {each["step"]: each[metric] for each in _records(metrics) if metric in each}
  wer = wers.get(int(state.step))
  return {
    "weights": name,
    "dev_wer": None if wer is None else 100 * wer,
    "blocks_back": recovery(state),
  }


def charts(path: pathlib.Path) -> tuple[Curve, ...]:
  """Dev WER and sparsity by step, from metrics.jsonl."""
  records = _records(path)
  wanted = {"dev_wer": ("dev WER", "%"), "sparsity": ("sparsity", "%")}
  curves = []
  for key, (name, unit) in wanted.items():
    points = [(each["step"], each[key]) for each in records if key in each]
    if points:
      steps, values = zip(*points, strict=True)
      curves.append(Curve(name=name, unit=unit, steps=steps, values=tuple(100 * v for v in values)))
  return tuple(curves)


def _records(path: pathlib.Path) -> list[dict[str, Any]]:
  return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _is_recorded(name: str) -> bool:
  return not name.startswith("synthetic-")


def _portion(name: str, split: str, source: Source) -> Portion:
  speakers = {source.speaker(item) for item in range(len(source))}
  return Portion(
    set=name,
    split=split,
    utterances=len(source),
    hours=_hours(source),
    speakers=None if "" in speakers else len(speakers),
  )


def _hours(source: Source) -> float:
  return sum(source.seconds(item) for item in range(len(source))) / 3600


def _unseen(train: Mapping[str, Source], test: Mapping[str, Source]) -> bool | None:
  """Whether no test speaker was trained on; None if a speaker is not known."""
  trained, tested = (
    {source.speaker(item) for source in sources.values() for item in range(len(source))}
    for sources in (train, test)
  )
  return None if "" in trained | tested else trained.isdisjoint(tested)
