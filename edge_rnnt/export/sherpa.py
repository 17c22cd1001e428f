"""A model for sherpa-onnx: encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt.

sherpa-onnx (https://github.com/k2-fsa/sherpa-onnx) runs them on Android, iOS, in browsers, behind a
websocket, from a microphone. A transducer whose prediction network has a state goes through its
streaming NeMo loader. Its front end makes frames of 10 ms; normalization, stacking and time
reduction are inside the encoder.

The graphs are in sherpa_graphs.py. A float model gives float graphs; a hybrid one graphs with the
same int8 weights, whose tokens are those of our hybrid engine.
"""

from pathlib import Path

from edge_rnnt import whole
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import sherpa_graphs
from edge_rnnt.export.container import Frozen
from edge_rnnt.export.refusal import NotExportable
from edge_rnnt.text.wordpiece import WordPieces

SAMPLE_RATE, LOW_HZ, HIGH_HZ = 16000, 0.0, 8000.0
BLANK = "<blk>"
MAX_SYMBOLS = 10
"""Tokens that sherpa-onnx lets one frame emit; ours stops at 4 unless told otherwise."""

FILES = ("encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt")


def check(frozen: Frozen, front_end: FrontEnd, pieces: WordPieces) -> None:
  """Raises NotExportable unless sherpa-onnx can run the model and would hear what it was taught."""
  if frozen.scheme == "integer":
    raise NotExportable(
      "sherpa-onnx computes in float between its int8 products: export a float or a hybrid device "
      "file (hybrid gives int8), not an integer one"
    )
  wanted = {"sample_rate": SAMPLE_RATE, "low_hz": LOW_HZ, "top_hz": HIGH_HZ}
  others = {k: getattr(front_end, k) for k, v in wanted.items() if getattr(front_end, k) != v}
  if others:
    found = ", ".join(f"{key.replace('top_', 'high_')} {value:g}" for key, value in others.items())
    raise NotExportable(
      f"this model was trained on another front end than sherpa-onnx has: {found}. sherpa-onnx "
      f"hears {SAMPLE_RATE} Hz, mel bands from {LOW_HZ:g} to {HIGH_HZ:g} Hz, and that cannot be "
      f"changed after training. Train with --config.front_end.sample_rate={SAMPLE_RATE} "
      f"--config.front_end.low_hz={LOW_HZ} --config.front_end.high_hz={HIGH_HZ} (any number of "
      "bands: --config.front_end.num_mels=80 is usual)"
    )
  if pieces.vocab_size != frozen.architecture.vocab_size:
    raise NotExportable(
      f"the word-pieces make a vocabulary of {pieces.vocab_size}, the model has one of "
      f"{frozen.architecture.vocab_size}"
    )
  for piece in pieces.pieces:
    if piece == BLANK or not piece or any(each.isspace() for each in piece):
      raise NotExportable(f"tokens.txt cannot hold the word-piece {piece!r}")


def write(
  folder: str | Path,
  frozen: Frozen,
  front_end: FrontEnd,
  wordpieces: bytes,
  *,
  chunk: int = sherpa_graphs.CHUNK,
  card: str = "",
) -> dict[str, int]:
  """Writes the four files into a folder; returns their sizes in bytes. Raises NotExportable."""
  pieces = WordPieces(wordpieces)
  check(frozen, front_end, pieces)
  contents = {
    "encoder.onnx": sherpa_graphs.encoder(frozen, front_end, chunk, card),
    "decoder.onnx": sherpa_graphs.decoder(frozen, card),
    "joiner.onnx": sherpa_graphs.joiner(frozen, card),
    "tokens.txt": tokens(pieces).encode(),
  }
  folder = Path(folder)
  folder.mkdir(parents=True, exist_ok=True)
  for name, content in contents.items():
    with whole.writing(folder / name) as file:
      file.write(content)
  return {name: len(content) for name, content in contents.items()}


def tokens(pieces: WordPieces) -> str:
  """tokens.txt: a piece and its id per line, blank last."""
  lines = [*pieces.pieces, BLANK]
  return "".join(f"{piece} {number}\n" for number, piece in enumerate(lines))
