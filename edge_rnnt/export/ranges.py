"""Ranges of a model's activations over some utterances, to make the integer scheme's formats of."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.quant.calibrate import widen
from edge_rnnt.quant.formats import Range
from edge_rnnt.train.ranges import Utterances, observe


def measure_ranges(
  params: Mapping[str, Any], config: RNNTConfig, batches: Iterable[Utterances]
) -> dict[str, Range]:
  """`observe` over all batches: the least of the lows, the greatest of the highs.

  About 100 utterances are enough. Raises ValueError without utterances.
  """
  ranges: dict[str, Range] = {}
  for batch in batches:
    arrays = Utterances(*(jnp.asarray(part) for part in batch))
    ranges = widen(ranges, jax.device_get(_observe(config, params, arrays)))
  if not ranges:
    raise ValueError("calibration got no utterances")
  return ranges


_observe = partial(jax.jit, static_argnums=0)(observe)
