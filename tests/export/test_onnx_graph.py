"""Products of an ONNX graph, run by ONNX Runtime with all of its optimizations."""

import numpy as np
import pytest

from edge_rnnt.device.products import FloatProduct, HybridProduct
from edge_rnnt.export.decomposed import Matrix
from edge_rnnt.export.onnx_graph import OnnxGraph

pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")
runtime = pytest.importorskip("onnxruntime", reason="runs ONNX models: pip install onnxruntime")


def run(build, x):
  graph = OnnxGraph("products")
  entry = graph.input("x", "float32", ("N", x.shape[1]))
  y = build(graph, entry)
  graph.output(y, "y", "float32", ("N", "E"))
  session = runtime.InferenceSession(graph.to_bytes({"what": 7}, "a product"))
  assert session.get_modelmeta().custom_metadata_map["what"] == "7"
  return session.run(None, {"x": x})[0]


def hybrid(inputs, outputs, seed=0):
  rng = np.random.default_rng(seed)
  weights = rng.integers(-127, 128, (inputs, outputs)).astype(np.int8)
  weights[: min(inputs, 64)] = 127  # what would saturate 16 bits
  return Matrix("w", weights, rng.uniform(0.001, 0.01, outputs).astype(np.float32))


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (8, 20), (65, 96), (1280, 24)])
def test_hybrid_product_is_that_of_our_engine(streams, inputs, outputs):
  matrix = hybrid(inputs, outputs)
  x = np.abs(np.random.default_rng(1).standard_normal((streams, inputs))).astype(np.float32)
  x[-1] *= 100
  ours = HybridProduct(matrix.weights, matrix.scale)(x)
  np.testing.assert_allclose(run(lambda g, x: g.product(x, matrix), x), ours, rtol=3e-7)


def test_a_row_of_zeros():
  matrix = hybrid(8, 4)
  x = np.zeros((2, 8), np.float32)
  x[1] = 1
  found = run(lambda g, x: g.product(x, matrix), x)
  assert (found[0] == 0).all() and np.isfinite(found).all() and (found[1] != 0).all()


@pytest.mark.parametrize("scheme", ["float", "hybrid"])
def test_the_bias_survives_the_runtime(scheme):
  """ONNX Runtime 1.32 loses one that is added right after an integer product with row scales."""
  matrix = hybrid(16, 20)
  if scheme == "float":
    matrix = Matrix("w", matrix.weights.astype(np.float32) / 100, None)
  bias = np.random.default_rng(2).standard_normal(20).astype(np.float32)
  x = np.random.default_rng(3).standard_normal((1, 16)).astype(np.float32)
  if scheme == "float":
    ours = FloatProduct(matrix.weights)(x) + bias
  else:
    ours = HybridProduct(matrix.weights, matrix.scale)(x) + bias
  found = run(lambda g, x: g.affine(x, matrix, "b", bias), x)
  np.testing.assert_allclose(found, ours, rtol=1e-5, atol=1e-5)


def test_one_name_is_one_weight():
  graph = OnnxGraph("twice")
  x = graph.input("x", "float32", (1,))
  for _ in range(2):
    x = graph.add(x, graph.constant("w", np.zeros(4096, np.float32)))
  graph.output(x, "y", "float32", ("E",))
  assert len(graph.to_bytes({}, "")) < 20000
