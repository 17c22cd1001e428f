"""A trained model -> plain arrays of one scheme.

Masked weights are zeros and stay so; what only training needs is left behind.

  float    as trained
  hybrid   matrices int8, weight = q * scale, one scale per output; or as the rules say, all
             matrices but the embedding alike: per tensor, or in 4 bits per group of inputs
  integer  matrices int8, one scale per matrix and gate; activations as in quant/formats.py; and
             bias  int32, in units of s_gain * 2^-10 where layer norm precedes it, elsewhere of
                   s_x * s_W (W: the rows of x), so that it joins the sum of the input product
             gain  int16, in units of s_gain = max |gain| / 32767, one per gate
             joint/bias int32, in units of s_predicted * s_W
             joint/output_bias int32, in units of 2^-7 * s_W

  s_x is the format of what a layer reads: the layer below's output, or the embedding's scale.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_rnnt.export import layout
from edge_rnnt.export.architecture import Architecture, Layer
from edge_rnnt.export.container import Frozen
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.quant import rules as weight_rules
from edge_rnnt.quant.affine import Affine, quantize, symmetric
from edge_rnnt.quant.formats import Q0_7, Ranges, integer_formats
from edge_rnnt.trees import flatten

Arrays = dict[str, np.ndarray]


def freeze(
  params: Mapping[str, Any],
  config: RNNTConfig,
  scheme: str,
  *,
  masks: Mapping[str, Any] | None = None,
  ranges: Ranges | None = None,
  rules: weight_rules.Rules | None = None,
  block: tuple[int, int] = (8, 1),
) -> Frozen:
  """The parameters (nested dicts) as arrays of a scheme.

  masks, if given, is a tree like params with arrays where weights are masked and None elsewhere;
  ranges are needed for "integer" (quant/calibrate.py); rules are those of the scheme unless given.
  Raises ValueError for parameters or masks that do not fit.
  """
  architecture = Architecture.from_json(without_auxiliary(config.to_json()))
  weights = _masked(_parameters(params, architecture), masks)
  if scheme == "float":
    return Frozen(architecture, scheme, weights, {}, block)
  if scheme == "hybrid":
    rules = rules or weight_rules.HYBRID
    tensors, _ = _quantize_matrices(weights, architecture, rules)
    tensors |= {name: weights[name] for name in layout.vectors(architecture)}
    return Frozen(
      architecture, scheme, tensors, {}, block, _stored_weights(weights, architecture, rules)
    )
  if scheme != "integer":
    raise ValueError(f"scheme is {scheme!r}, expected one of {', '.join(layout.SCHEMES)}")
  if ranges is None:
    raise ValueError("the integer scheme needs the ranges of the activations: calibrate first")
  tensors, scales = _quantize_matrices(weights, architecture, rules or weight_rules.INTEGER)
  formats = integer_formats(
    ranges,
    encoder_cell=architecture.encoder_cell,
    prediction_cell=architecture.prediction_cell,
    layer_norm=architecture.layer_norm,
  )
  tensors |= _integer_vectors(weights, architecture, formats, scales)
  return Frozen(architecture, scheme, tensors, _activations(architecture, formats), block)


def _parameters(params: Mapping[str, Any], architecture: Architecture) -> Arrays:
  found = {
    path: np.asarray(leaf, np.float32) for path, leaf in flatten(without_auxiliary(params)).items()
  }
  expected = layout.expected(architecture, "float")
  if set(found) != set(expected):
    raise ValueError(f"parameters missing or unknown: {sorted(set(found) ^ set(expected))}")
  for path, value in found.items():
    if value.shape != expected[path].shape:
      raise ValueError(f"{path} has shape {value.shape}, the model needs {expected[path].shape}")
    if not np.isfinite(value).all():
      raise ValueError(f"{path} holds values that are not numbers: this model cannot be exported")
  return found


def _masked(weights: Arrays, masks: Mapping[str, Any] | None) -> Arrays:
  for path, mask in flatten(masks or {}).items():
    if path not in weights or np.shape(mask) != weights[path].shape:
      raise ValueError(f"the mask of {path} has shape {np.shape(mask)} and fits no parameter")
    weights[path] = weights[path] * np.asarray(mask, np.float32)
  return weights


def _tapped(weights: Arrays, architecture: Architecture) -> dict[str, list[tuple[str, np.ndarray]]]:
  """Stored name -> (tap path, weights): a kernel is two to the taps, its rows of x and of h."""
  found = {}
  for name in layout.matrices(architecture):
    plain = name if name == "prediction/embedding" else f"{name.removesuffix('_kernel')}_kernel"
    found[name] = [(plain, weights[name])]
  for layer in architecture.layers:
    kernel = weights[f"{layer.path}/kernel"].reshape(-1, len(layer.gates), layer.cells)
    found[f"{layer.path}/kernel"] = [(f"{layer.path}/input_kernel", kernel[: layer.input_dim])]
    if layer.recurrent_dim:
      rows = (f"{layer.path}/recurrent_kernel", kernel[layer.input_dim :])
      found[f"{layer.path}/kernel"].append(rows)
  return found


def _quantize_matrices(
  weights: Arrays, architecture: Architecture, rules: weight_rules.Rules
) -> tuple[Arrays, Arrays]:
  """(int8 matrices and their scales under their stored names, scales by matrix name)."""
  tapped = _tapped(weights, architecture)
  by_path = weight_rules.resolve(rules, [path for parts in tapped.values() for path, _ in parts])
  missing = [path for path, rule in by_path.items() if rule is None]
  if missing:
    raise ValueError(f"no quantization rule applies to {missing}")
  tensors, scales = {}, {}
  for name, parts in tapped.items():
    formats = [by_path[path].format(weight) for path, weight in parts]
    rows = [quantize(weight, f) for (_, weight), f in zip(parts, formats, strict=True)]
    tensors[name] = np.concatenate(rows).reshape(weights[name].shape).astype(np.int8)
    scale = [_compact(by_path[path], f.scale) for (path, _), f in zip(parts, formats, strict=True)]
    stacked = np.stack if scale[0].ndim == 1 else np.concatenate
    scales[name] = stacked(scale) if name.endswith("/kernel") else scale[0]
    tensors[name + layout.SCALE] = scales[name]
  return tensors, scales


def _compact(rule: weight_rules.Rule, scale: np.ndarray) -> np.ndarray:
  """A format's scale as a file keeps it: [outputs], [1] or, per group, [groups, outputs]."""
  if rule.per != "group":
    return scale.astype(np.float32).reshape(-1)
  return scale[:: rule.group].reshape(-1, int(np.prod(scale.shape[1:]))).astype(np.float16)


def _stored_weights(
  weights: Arrays, architecture: Architecture, rules: weight_rules.Rules
) -> layout.Weights:
  """How a hybrid file keeps its weights; raises ValueError for rules that no file can follow."""
  paths = [path for parts in _tapped(weights, architecture).values() for path, _ in parts]
  chosen = weight_rules.resolve(rules, paths)
  embedding = chosen.pop("prediction/embedding")
  kinds = {(rule.per, rule.group or 0) for rule in chosen.values()}
  if len(kinds) > 1 or "gate" in {kind[0] for kind in kinds} or embedding.per != "tensor":
    raise ValueError(
      "a hybrid file has the embedding's scale per tensor and all others alike, per output, tensor "
      f"or group; got {sorted(kinds)}, and per {embedding.per} for the embedding"
    )
  kept = layout.Weights(*kinds.pop())
  if max(rule.bits for rule in chosen.values()) > kept.bits:
    raise ValueError(f"scales per {kept.per} go with weights of {kept.bits} bits")
  return kept


def _integer_vectors(
  weights: Arrays, architecture: Architecture, formats: Mapping[str, Affine], scales: Arrays
) -> Arrays:
  below = formats["encoder/layer_0/input"].scale
  tensors: Arrays = {}
  for layer in architecture.encoder:
    tensors |= _layer_vectors(weights, layer, below, scales)
    below = formats[f"{layer.path}/output"].scale
  below = scales["prediction/embedding"][0]
  for layer in architecture.prediction:
    tensors |= _layer_vectors(weights, layer, below, scales)
    below = formats[f"{layer.path}/output"].scale
  tensors["joint/bias"] = to_int32(weights["joint/bias"], below * scales["joint/prediction"])
  unit = Q0_7.scale * scales["joint/output_kernel"]
  tensors["joint/output_bias"] = to_int32(weights["joint/output_bias"], unit)
  return tensors


def _layer_vectors(weights: Arrays, layer: Layer, below: Any, scales: Arrays) -> Arrays:
  """Bias and gain of a layer whose input has scale `below`."""
  units = {
    gate: below * scale
    for gate, scale in zip(layer.gates, scales[f"{layer.path}/kernel"][0], strict=True)
  }
  tensors: Arrays = {}
  if layer.normalized:
    gain = weights[f"{layer.path}/gain"].reshape(-1, layer.cells)
    format = symmetric(np.abs(gain).max(axis=1, keepdims=True), 16)
    tensors[f"{layer.path}/gain"] = quantize(gain, format).astype(np.int16).reshape(-1)
    tensors[f"{layer.path}/gain{layout.SCALE}"] = format.scale.reshape(-1)
    for gate, scale in zip(layer.normalized, format.scale[:, 0], strict=True):
      units[gate] = scale * np.float32(2.0**-10)
  unit = np.array([units[gate] for gate in layer.gates], np.float32)
  bias = weights[f"{layer.path}/bias"].reshape(-1, layer.cells)
  tensors[f"{layer.path}/bias"] = to_int32(bias, unit[:, None]).reshape(-1)
  return tensors


def to_int32(values: np.ndarray, unit: Any) -> np.ndarray:
  """round(values / unit), saturated to 30 bits so that a sum with products cannot overflow 32."""
  limit = 2.0**30
  scaled = np.round(values.astype(np.float64) / np.float64(unit))
  return np.clip(scaled, -limit, limit).astype(np.int32)


def _activations(
  architecture: Architecture, formats: Mapping[str, Affine]
) -> dict[str, dict[str, float]]:
  found = {}
  for name in layout.activations(architecture):
    path, _, gate = name.partition("/gates/")
    format = formats[f"{path}/gates" if gate else name]
    scale = np.asarray(format.scale, np.float32).reshape(-1)
    if gate:
      gates = next(layer.gates for layer in architecture.layers if layer.path == path)
      scale = np.broadcast_to(scale, len(gates))[gates.index(gate) :]
    found[name] = {"scale": float(scale[0]), "zero_point": int(format.zero_point)}
  return found
