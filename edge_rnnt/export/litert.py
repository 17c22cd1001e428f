"""A device file's model for LiteRT: one .tflite file with three signatures, written by hand.

  device file   becomes
  float         the fused LSTM in float32; hybrid=True: its matrices in int8, one scale per gate
  integer       the fused LSTM in integers, from the features' quantization to the scores
  hybrid        plain operators with states as arguments, int8 with a scale per output; kernels
                pruned in blocks of 16 inputs x 1 output stay sparse
  SRU           plain operators (the fused operator has none); not in integers
  plain=True    plain operators also for a float LSTM

What encode, predict and joint take and give: litert_fused.py, litert_explicit.py. The file also
holds, as metadata, what a recognizer needs beside the networks: "edge_rnnt", JSON of sizes and
front end, and "wordpieces". litert_runner.py runs it.
"""

import json
from collections.abc import Mapping
from typing import Any

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import litert_explicit, litert_fused
from edge_rnnt.export.container import Frozen
from edge_rnnt.export.litert_graph import Model
from edge_rnnt.export.refusal import NotExportable

DESCRIPTION, WORDPIECES = "edge_rnnt", "wordpieces"


def convert(
  frozen: Frozen,
  front_end: FrontEnd,
  wordpieces: bytes,
  *,
  hybrid: bool = False,
  plain: bool = False,
  card: str = "",
) -> bytes:
  """The file's bytes; the same model gives the same.

  Raises NotExportable for what LiteRT has no operators for, or would run and get wrong.
  """
  architecture = frozen.architecture
  sru = "sru" in (architecture.encoder_cell, architecture.prediction_cell)
  if frozen.scheme == "integer" and (sru or plain):
    what = "an SRU" if sru else "plain operators"
    raise NotExportable(f"LiteRT has no integers for {what}: export a float or hybrid device file")
  if hybrid and (frozen.scheme != "float" or sru or plain):
    raise NotExportable(
      "int8 matrices in the fused LSTM (hybrid) are made from a float device file of LSTM or CIFG "
      "layers; a hybrid device file keeps its own in plain operators without that option"
    )
  fused = frozen.scheme != "hybrid" and not sru and not plain
  model = Model(card or "edge_rnnt")
  try:
    if fused:
      litert_fused.add_signatures(model, frozen, hybrid=hybrid)
    else:
      litert_explicit.add_signatures(model, frozen, sparse=frozen.scheme == "hybrid")
    model.metadata(DESCRIPTION, json.dumps(_description(frozen, front_end, card)).encode())
    model.metadata(WORDPIECES, wordpieces)
    return model.to_bytes()
  except ValueError as error:
    raise NotExportable(f"LiteRT would get this model wrong: {error}") from error


def _description(frozen: Frozen, front_end: FrontEnd, card: str) -> Mapping[str, Any]:
  return {
    "version": 1,
    "model": frozen.architecture.to_json(),
    "front_end": front_end.to_json(),
    "card": card,
  }
