"""How near each device file is to the model it was made from: what a choice of bits goes by."""

from edge_rnnt.report import units
from edge_rnnt.report.results import Results, Row
from edge_rnnt.report.table import NOTHING, Cell, Table


def fidelity_table(results: Results) -> Table | None:
  """model | bytes | dev WER | unlike float | unlike JAX | noisiest tensor; None if not measured."""
  rows = [row for row in results.main_rows if row.fidelity is not None]
  if not rows:
    return None
  return Table(
    caption="Dev WER of the device files, in percent; the share of dev utterances that a file "
    "hears otherwise than the float file of the same weights, and than the JAX model in the same "
    "numbers; and the least signal to quantization noise of the reference engine's encoder against "
    "that model. All tensors are in results.json.",
    heads=("model", "file bytes", "dev WER", "unlike float", "unlike JAX", "least SQNR, dB", "of"),
    aligns=("left", *["right"] * 5, "left"),
    rows=tuple(_cells(row) for row in rows),
    schemes=tuple(row.scheme for row in rows),
  )


def _cells(row: Row) -> tuple[Cell, ...]:
  found = row.fidelity
  noisiest = min(found.sqnr, key=found.sqnr.__getitem__)
  unlike = found.against_float
  return (
    Cell(row.name),
    Cell(units.exact(row.bytes)),
    Cell(units.rate(found.dev_wer)),
    Cell(NOTHING if unlike is None else units.share(unlike)),
    Cell(units.share(found.against_model)),
    Cell(units.rate(found.sqnr[noisiest])),
    Cell(noisiest),
  )
