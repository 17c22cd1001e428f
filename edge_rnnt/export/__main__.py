r"""What to do with a device file: what is in it, and the same model for other runtimes.

  python -m edge_rnnt.export sizes MODEL.edge
  python -m edge_rnnt.export litert MODEL.edge --output MODEL.tflite [--hybrid | --plain]
  python -m edge_rnnt.export sherpa-onnx MODEL.edge --output FOLDER [--chunk N]

LiteRT takes a float, hybrid or integer file: export/litert.py says what becomes of each.
sherpa-onnx takes a float file (float graphs) or a hybrid one (int8 graphs), and only a model that
was trained on its front end; it says so, and with which settings to train, where one was not.

A program, not a room: it reads device files, which export/ itself only writes.
"""

import argparse
import sys

import rich.console
import rich.table

from edge_rnnt import whole
from edge_rnnt.device.container import Container, ContainerError, read
from edge_rnnt.export import container, layout, litert, sherpa, sherpa_graphs
from edge_rnnt.export.litert_check import LiteRTMissing
from edge_rnnt.export.onnx_graph import OnnxMissing
from edge_rnnt.export.refusal import NotExportable


def main(arguments: list[str] | None = None) -> int:
  """Returns the exit code: 0, or 2 if the file can't be read or the model can't be exported."""
  options = _parser().parse_args(arguments)
  console = rich.console.Console()
  try:
    options.run(read(options.model), options, console)
  except (ContainerError, NotExportable, LiteRTMissing, OnnxMissing, OSError) as error:
    print(error, file=sys.stderr)
    return 2
  return 0


def frozen(file: Container) -> container.Frozen:
  """The model of an open device file as plain arrays again.

  Raises NotExportable for weights that only our own engine can compute with.
  """
  if file.weights != layout.PER_OUTPUT:
    raise NotExportable(
      f"{file.path} has weights of {file.weights.bits} bits per {file.weights.per}; other runtimes "
      "get 8 bits per output: freeze the model as plain hybrid, or as float"
    )
  names = layout.expected(file.architecture, file.scheme)
  activations = {
    name: {"scale": scale, "zero_point": zero} for name, (scale, zero) in file.activations.items()
  }
  tensors = {name: file.tensor(name) for name in names}
  return container.Frozen(file.architecture, file.scheme, tensors, activations, file.block)


def show_sizes(file: Container, options: argparse.Namespace, console: rich.console.Console) -> None:
  """Bytes by part of the model, as they lie in the file."""
  del options
  table = rich.table.Table(box=None, pad_edge=False)
  table.add_column("part")
  table.add_column("bytes", justify="right")
  parts = container.sizes(file.stored)
  whole = file.path.stat().st_size
  for part, size in (parts | {"header": whole - sum(parts.values()), "all": whole}).items():
    table.add_row(part, f"{size:,}")
  console.print(f"{file.path}: {file.scheme}", highlight=False)
  console.print(table)


def to_litert(file: Container, options: argparse.Namespace, console: rich.console.Console) -> None:
  """One .tflite file with the signatures encode, predict and joint."""
  content = litert.convert(
    frozen(file), file.front_end, file.wordpieces,
    hybrid=options.hybrid, plain=options.plain, card=file.card,
  )  # fmt: skip
  with whole.writing(options.output) as output:
    output.write(content)
  console.print(f"{options.output}  {len(content):,} bytes", highlight=False)


def to_sherpa(file: Container, options: argparse.Namespace, console: rich.console.Console) -> None:
  """encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt, and how to run them."""
  folder = options.output
  sizes = sherpa.write(
    folder, frozen(file), file.front_end, file.wordpieces, chunk=options.chunk, card=file.card
  )
  for name, size in sizes.items():
    console.print(f"{folder}/{name}  {size:,} bytes", highlight=False)
  parts = " ".join(f"--{part}={folder}/{part}.onnx" for part in ("encoder", "decoder", "joiner"))
  console.print(
    f"\nTry it: sherpa-onnx {parts} --tokens={folder}/tokens.txt recording.wav",
    soft_wrap=True, highlight=False,
  )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m edge_rnnt.export", description="Device files, and other runtimes' files."
  )
  targets = parser.add_subparsers(required=True, metavar="TARGET")
  for name, run in (
    ("sizes", show_sizes),
    ("litert", to_litert),
    ("sherpa-onnx", to_sherpa),
  ):
    target = targets.add_parser(name, help=run.__doc__, description=run.__doc__)
    target.add_argument("model", metavar="MODEL.edge", help="device file")
    target.set_defaults(run=run)
    if run is not show_sizes:
      target.add_argument("--output", required=True, help="where to write")
    if run is to_litert:
      how = target.add_mutually_exclusive_group()
      how.add_argument("--hybrid", action="store_true", help="int8 matrices, of a float file")
      how.add_argument("--plain", action="store_true", help="plain operators, states as arguments")
    if run is to_sherpa:
      target.add_argument(
        "--chunk", type=int, default=sherpa_graphs.CHUNK, help="encoded frames a call (%(default)s)"
      )
  return parser


if __name__ == "__main__":
  sys.exit(main())
