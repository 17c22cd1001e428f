r"""What pruning has left in the states that a run saved, kernel by kernel.

  python -m experiments.masks runs/quickstart              (every state that was kept)
  python -m experiments.masks runs/quickstart:sparse80     (one of them)
  python -m experiments.masks runs/quickstart:1500         (the checkpoint of update 1,500)
  python -m experiments.masks runs/quickstart:sparse80 --output=masks.npz

Zeros are counted in the weights that the model computes with; "asked" is the number of blocks that
the config wants kept at the end of the stage that the state is of. Ends with exit code 1 where
either is not exact. --output writes the masks in the kernels' own shapes, True where a weight
stays.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import rich.console
import rich.table
from absl import logging

from edge_rnnt import trees, whole
from edge_rnnt.evaluate import blocks
from edge_rnnt.prune import masks, ranking, schedule, transform
from edge_rnnt.report import units
from edge_rnnt.train.checkpoint import CheckpointError
from edge_rnnt.train.kept import read_kept
from experiments import optimization

TABLE_WIDTH = 110  # in a file, and where a terminal is narrower


class Saved(NamedTuple):
  """A state of a run that prunes, as it lies on disk."""

  name: str
  params: Any
  pruning: transform.PruneState
  config: Mapping[str, Any]


class Row(NamedTuple):
  """A kernel, or those that are ranked together, joined by "+"."""

  state: str
  kernel: str
  shape: tuple[int, ...] | None
  block: tuple[int, int]
  blocks: int
  kept: int
  asked: int | None
  """Blocks to keep; None where the kernel is not ranked alone, or the sparsity was still rising."""
  pruned: int
  zeros: int
  zeros_elsewhere: int

  @property
  def exact(self) -> bool:
    return self.zeros == self.pruned and self.asked in (None, self.kept)


def find(argument: str) -> list[pathlib.Path]:
  """The folders of RUN:NAME, RUN:UPDATE, or of all milestones of RUN. Raises CheckpointError."""
  run, separator, name = argument.rpartition(":")
  checkpoints = pathlib.Path(run if separator else argument).resolve() / "checkpoints"
  milestones = sorted(checkpoints.glob("milestones/*"))
  there = [*milestones, *sorted(checkpoints.glob("[0-9]*"))]
  found = [path for path in there if path.name == name] if separator else milestones
  if not found:
    names = ", ".join(path.name for path in there) or "nothing"
    raise CheckpointError(f"{argument}: no such state; saved in {checkpoints} is {names}")
  return found


def read(path: pathlib.Path) -> Saved:
  """The masks and dense parameters of a state. Raises CheckpointError if it has no masks."""
  state, about = read_kept(path)
  link = transform.find(state.opt_state)
  if link is None:
    raise CheckpointError(f"{path} has no masks: nothing prunes there")
  return Saved(path.name, state.params, link, about["config"])


def rows(saved: Saved) -> Iterator[Row]:
  """One a kernel, and one a group of kernels that are ranked together."""
  counted, block = blocks.count(saved.params, saved.pruning), saved.pruning.block
  for kernels, asked in _groups(saved):
    for kernel in kernels:
      own = asked if len(kernels) == 1 else None
      shape, number, kept, *weights = counted[kernel]
      yield Row(saved.name, kernel, shape, block, number, kept, own, *weights)
    if len(kernels) > 1:
      _, *each = zip(*(counted[kernel] for kernel in kernels), strict=True)
      number, kept, *weights = map(sum, each)
      yield Row(saved.name, " + ".join(kernels), None, block, number, kept, asked, *weights)


def table(rows_: list[Row]) -> rich.table.Table:
  """The rows for a person."""
  made = rich.table.Table(box=None, pad_edge=False)
  for head in ("state", "kernel"):
    made.add_column(head, no_wrap=True)
  for head in ("shape", "block", "blocks", "kept", "asked", "sparsity", "pruned", "zeros"):
    made.add_column(head, justify="right", no_wrap=True)
  for row in rows_:
    made.add_row(
      row.state,
      row.kernel,
      *("" if each is None else "x".join(map(str, each)) for each in (row.shape, row.block)),
      *("" if each is None else units.exact(each) for each in (row.blocks, row.kept, row.asked)),
      units.share(1 - row.kept / row.blocks),
      *(units.exact(each) for each in (row.pruned, row.zeros)),
    )
  return made


def write(states: list[Saved], path: pathlib.Path) -> None:
  """The masks of all states, weight by weight, under STATE/KERNEL."""
  with whole.writing(path) as file:
    np.savez_compressed(
      file,
      **{
        f"{saved.name}/{kernel}": masks.expand(
          mask, trees.flatten(saved.params)[kernel].shape, saved.pruning.block
        )
        for saved in states
        for kernel, mask in saved.pruning.masks.items()
      },
    )


def _groups(saved: Saved) -> list[tuple[list[str], int | None]]:
  """Kernels that are ranked together, and how many of their blocks are to stay."""
  sparsity = _sparsity(saved)
  if sparsity is None:
    return [([kernel], None) for kernel in saved.pruning.masks]
  pruning = saved.config["pruning"]
  select = {
    pattern: schedule.constant(share * sparsity)
    for pattern, share in optimization.targets(pruning["shares"], sparsity).items()
  }
  groups = ranking.groups(select, saved.params, saved.pruning.block, pruning["across"])
  return [(group.paths, int(group.kept(0))) for group in groups]


def _sparsity(saved: Saved) -> float | None:
  """What the config wants where its stage has ended; None between the ends of stages."""
  reached, frozen = saved.config["pruning"].get("start", 0.0), False
  for name in saved.config["curriculum"]:
    stage = saved.config["stages"][name]
    frozen = frozen or bool(stage.get("quantize"))
    if stage["sparsity"] >= 0 and not frozen:
      reached = stage["sparsity"]
    if stage["keep_as"] == saved.name:
      return reached
  return None


def main(arguments: list[str] | None = None) -> None:
  """Prints the rows; ends the program where there are none, or one is not exact."""
  options = _parser().parse_args(arguments)
  logging.set_verbosity(logging.ERROR)  # the checkpoint library tells of what is left unread
  try:
    states = [read(path) for path in find(options.states)]
  except CheckpointError as error:
    sys.exit(f"{type(error).__name__}: {error}")
  found = [row for state in states for row in rows(state)]
  if options.output:
    write(states, options.output)
  if options.json:
    print(json.dumps([row._asdict() for row in found], indent=1))
  else:
    width = max(rich.console.Console().width, TABLE_WIDTH)
    rich.console.Console(width=width).print(table(found), crop=False)
  inexact = [f"{row.state} {row.kernel}" for row in found if not row.exact]
  if inexact:
    sys.exit(f"not exact: {', '.join(inexact)}")


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.masks", description="What pruning has left, kernel by kernel."
  )
  parser.add_argument(
    "states", metavar="RUN[:NAME | :UPDATE]", help="workdir of a run, and a state"
  )
  parser.add_argument("--json", action="store_true", help="rows on stdout, in place of the table")
  parser.add_argument("--output", type=pathlib.Path, help="write the masks there too (.npz)")
  return parser


if __name__ == "__main__":
  main()
