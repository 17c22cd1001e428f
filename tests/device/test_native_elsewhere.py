"""The whole engine elsewhere, on emulated ARM and under sanitizers, gives what it gives here.

`make test-arm` and `make test-sanitized`.
"""

import functools
import subprocess

import numpy as np
import pytest

from edge_rnnt.text.wordpiece import train_wordpieces
from tests.device import native_library, random_models

TABLES = {"on_arm": ("scalar", "neon", "neon-dot"), "sanitized": ("scalar", "")}
elsewhere = pytest.mark.parametrize(
  "place",
  [
    pytest.param("on_arm", marks=pytest.mark.arm),
    pytest.param("sanitized", marks=pytest.mark.sanitized),
  ],
)


@functools.cache
def wordpieces():
  return train_wordpieces(["one two three four five six seven"], vocab_size=30, model_type="char")


@functools.cache
def here():
  return (str(native_library.build_engine("c++", "native_driver.cc")),)


@functools.cache
def on_arm():
  emulator = native_library.emulator()
  built = native_library.build_engine(
    native_library.ARM_COMPILER, "native_driver.cc", "-static", "-Wno-psabi"
  )
  return emulator, str(built)


@functools.cache
def sanitized():
  flags = ("-g", *native_library.SANITIZERS)
  return (str(native_library.build_engine("c++", "native_driver.cc", *flags)),)


PLACES = {"on_arm": on_arm, "sanitized": sanitized}


def run(place, path, kernels, kind, values, folder):
  """(lines but for layers, outputs of all layers)."""
  (folder / "input").write_bytes(values.astype("<f4").tobytes())
  command = [*place(), str(path), kernels, kind, str(folder / "input")]
  lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
  layers = [line.split()[3:] for line in lines if line.startswith("layer ")]
  return [line for line in lines if not line.startswith("layer ")], [
    np.array(layer, np.float64) for layer in layers
  ]


def model(folder, cell, scheme, storage, **changes):
  shape = random_models.architecture(cell, random_models.vocabulary(wordpieces()), **changes)
  rng, path = np.random.default_rng(0), folder / "model.edge"
  return random_models.write_model(path, shape, scheme, storage, wordpieces(), rng)


@elsewhere
@pytest.mark.parametrize("storage", random_models.BLOCKS)
@pytest.mark.parametrize("cell", ["lstm", "cifg", "sru"])
def test_integer_layers_and_tokens_bit_for_bit(tmp_path, cell, storage, place):
  path = model(tmp_path, cell, "integer", storage, encoder_cells=131, encoder_projection=64)
  rows = np.random.default_rng(1).standard_normal((20, random_models.FRONT_END.feature_dim))
  expected, layers = run(here, path, "scalar", "features", rows, tmp_path)
  assert len(expected[1].split()) > 3 and len(layers) > 60
  for where, kernels in [(here, ""), *((PLACES[place], table) for table in TABLES[place])]:
    found, others = run(where, path, kernels, "features", rows, tmp_path)
    assert found == expected
    for one, other in zip(layers, others, strict=True):
      np.testing.assert_array_equal(one, other)


@elsewhere
@pytest.mark.parametrize("scheme", ["float", "hybrid"])
def test_float_layers_to_five_digits(tmp_path, scheme, place):
  path = model(tmp_path, "lstm", scheme, "8x1")
  rows = np.random.default_rng(1).standard_normal((6, random_models.FRONT_END.feature_dim))
  _, layers = run(here, path, "scalar", "features", rows, tmp_path)
  for kernels in TABLES[place]:
    _, others = run(PLACES[place], path, kernels, "features", rows, tmp_path)
    # The encoder: tokens near a tie may differ, and with them what the prediction network reads.
    for one, other in zip(layers[:2], others[:2], strict=True):
      np.testing.assert_allclose(other, one, atol=1e-5 if scheme == "float" else 0.02)


@elsewhere
def test_text_from_samples(tmp_path, place):
  path = model(tmp_path, "cifg", "integer", "8x1")
  samples = 0.1 * np.random.default_rng(2).standard_normal(9000)
  expected, _ = run(here, path, "", "samples", samples, tmp_path)
  assert len(expected[1].split()) > 3
  for kernels in TABLES[place]:
    assert run(PLACES[place], path, kernels, "samples", samples, tmp_path)[0] == expected
