r"""The paper's models in numbers: parameters, what pruning leaves, bytes on the device.

  python -m experiments.inventory
  python -m experiments.inventory --models='paper_edge.*' --json
  python -m experiments.inventory --models=small --encoder_sparsity=0.8 --block=16,1

Nothing is trained or allocated: it takes seconds. The bytes are those of the device file that
training would end with (edge_rnnt/export/footprint.py), block indices and header included, without
the word-pieces (about 5 bytes a piece and character; --wordpieces=N adds them).
"""

import json
import re
from typing import Any

import rich.console
import rich.table
from absl import app, flags, logging

from edge_rnnt.model.inventory import count
from edge_rnnt.model.presets import PRESETS, preset
from edge_rnnt.report import units
from experiments.device_bytes import DECODER, ENCODER, Model, plan

_JSON = flags.DEFINE_bool("json", False, "Rows as JSON on stdout, in place of the table.")
_MODELS = flags.DEFINE_string("models", ".*", "Only the rows whose name matches this pattern.")
_ENCODER = flags.DEFINE_float("encoder_sparsity", None, "In place of the rows' own.", 0.0, 1.0)
_DECODER = flags.DEFINE_float("decoder_sparsity", None, "In place of the rows' own.", 0.0, 1.0)
_BLOCK = flags.DEFINE_list("block", ["8", "1"], "Inputs and outputs of a block.")
_WORDPIECES = flags.DEFINE_integer("wordpieces", 0, "Bytes of the sentencepiece model.", 0)

PUBLISHED_CUT = 0.59
TABLE_WIDTH = 110  # in a file too
SCHEMES = {"float32": "float", "hybrid": "hybrid", "integer": "integer"}
PROJECTIONS = "encoder/.*/projection"


def models() -> list[Model]:
  """The paper's rows, all pairs of cells, and what would make its 59 %."""
  lstm, edge = preset("paper_lstm"), preset("paper_edge")
  short = preset("paper_edge", prediction_cells=640, prediction_projection=None)
  return [
    *(Model("paper_lstm", lstm, _kernels(each, each)) for each in (0.0, 0.5, 0.7, 0.8)),
    *(
      Model(name, config, _kernels(0.0, 0.0))
      for name, config in PRESETS.items()
      if re.fullmatch("paper_[a-z]{3,4}_[a-z]{3,4}", name)
    ),
    Model("paper_edge", edge, _kernels(0.5, 0.3)),
    Model("paper_small_lstm", preset("paper_small_lstm"), _kernels(0.0, 0.0)),
    Model("paper_edge_a", short, _kernels(0.5, 0.3), "decoder of 640 cells without projection"),
    Model(
      "paper_edge_b",
      preset("paper_edge", prediction_layers=1),
      _kernels(0.5, 0.3),
      "decoder of one layer",
    ),
    Model(
      "paper_edge_c",
      edge,
      _kernels(0.5, 0.3) | {PROJECTIONS: 0.5},
      "encoder projections 50 % sparse too (the device file keeps projections dense)",
    ),
    Model("paper_edge_d", edge, _kernels(0.6, 0.0), "encoder 60 % sparse, decoder dense"),
    Model("small", preset("small"), _kernels(0.0, 0.0)),
    Model("small", preset("small"), _kernels(0.8, 0.8)),
    Model("small_edge", preset("small_edge"), _kernels(0.5, 0.3)),
    Model("tiny", preset("tiny"), _kernels(0.0, 0.0)),
  ]


def row(model: Model, block: tuple[int, int], wordpieces: int) -> dict[str, Any]:
  """One row, as --json prints it."""
  inventory = count(model.config)
  selected = inventory.selected(model.sparsities)
  return {
    "name": model.name,
    "encoder": model.config.encoder_cell,
    "decoder": model.config.prediction_cell,
    "encoder_sparsity": model.sparsities[ENCODER],
    "decoder_sparsity": model.sparsities[DECODER],
    "params": inventory.total,
    "prunable": sum(inventory.parameters[path] for path in selected),
    "nonzero": inventory.nonzero(model.sparsities, block),
    "bytes": {
      name: plan(model, scheme, block, wordpieces).bytes for name, scheme in SCHEMES.items()
    },
  }


def table(models_: list[Model], rows: list[dict[str, Any]]) -> rich.table.Table:
  """The rows for a person, parameters and bytes in millions."""
  dense = count(preset("paper_lstm")).total
  made = rich.table.Table(box=None, pad_edge=False)
  for head in ("model", "encoder", "decoder"):
    made.add_column(head, no_wrap=True)
  for head in ("params M", "prunable", "left", "less", *(f"{name} MB" for name in SCHEMES)):
    made.add_column(head, justify="right", no_wrap=True)
  for model, each in zip(models_, rows, strict=True):
    less = 1 - each["nonzero"] / dense
    made.add_row(
      each["name"],
      _part(each["encoder"], each["encoder_sparsity"]),
      _part(each["decoder"], each["decoder_sparsity"]),
      *(f"{each[name] / 1e6:.2f}" for name in ("params", "prunable", "nonzero")),
      units.share(less) if model.name.startswith("paper") else "",
      *(f"{each['bytes'][name] / 1e6:.2f}" for name in SCHEMES),
    )
  return made


def remarks(models_: list[Model]) -> list[str]:
  """What a reader of the table must know."""
  lines = ["left: parameters after pruning. less: than the dense paper_lstm has."]
  lines += [f"{model.name}: {model.note}." for model in models_ if model.note]
  if any(model.name.startswith("paper_edge") for model in models_):
    left = count(preset("paper_edge")).nonzero(_kernels(0.5, 0.3))
    cut = 1 - left / count(preset("paper_lstm")).total
    lines.append(
      f"The paper's 50 % sparse CIFG encoder and 30 % sparse SRU decoder are said to have"
      f" {units.share(PUBLISHED_CUT)} fewer parameters. The plain inventory gives"
      f" {units.share(cut)}; paper_edge_a to _d are changes that would give 59 to 60 %. None of"
      " them is known to be the paper's."
    )
  return lines


def _kernels(encoder: float, decoder: float) -> dict[str, float]:
  return {ENCODER: encoder, DECODER: decoder}


def _part(cell: str, sparsity: float) -> str:
  return f"{cell} {units.share(sparsity)}" if sparsity else cell


def _changed(model: Model) -> Model:
  asked = {ENCODER: _ENCODER.value, DECODER: _DECODER.value}
  given = {pattern: value for pattern, value in asked.items() if value is not None}
  return model._replace(sparsities={**model.sparsities, **given})


def _block() -> tuple[int, int]:
  try:
    inputs, outputs = (int(each) for each in _BLOCK.value)
    if min(inputs, outputs) < 1:
      raise ValueError
  except ValueError:
    raise app.UsageError(
      f"--block={','.join(_BLOCK.value)}: expected two numbers, as 8,1"
    ) from None
  return inputs, outputs


def main(argv: list[str]) -> None:
  del argv
  logging.set_verbosity(logging.WARNING)  # JAX would tell of the accelerators that aren't there
  block = _block()
  chosen = [_changed(each) for each in models() if re.fullmatch(_MODELS.value, each.name)]
  if not chosen:
    names = ", ".join(dict.fromkeys(each.name for each in models()))
    raise app.UsageError(f"--models={_MODELS.value} matches none of {names}")
  rows = [row(each, block, _WORDPIECES.value) for each in chosen]
  if _JSON.value:
    print(json.dumps(rows, indent=1))
    return
  # A terminal may be narrower: lines that it breaks are better than numbers cut short.
  console = rich.console.Console(width=max(rich.console.Console().width, TABLE_WIDTH))
  console.print(table(chosen, rows), crop=False)
  for line in remarks(chosen):
    console.print(line, highlight=False)


if __name__ == "__main__":
  app.run(main)
