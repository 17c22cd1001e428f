"""Each of the models that LiteRT runs without a word and gets wrong is refused, by tensor name."""

import numpy as np
import pytest

from edge_rnnt.export import litert_check
from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.litert_graph import Model, Quantization
from edge_rnnt.export.litert_lstm import IntegerFormats, float_lstm, integer_lstm

pytest.importorskip(
  "ai_edge_litert", reason="brings LiteRT's schema and runtime: pip install ai-edge-litert"
)
interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="the runtime in question")

INPUTS, CELLS, OUTPUTS = 16, 16, 16


def layer(projection=OUTPUTS, norm=True):
  return Layer(
    path="layer", cell="lstm", input_dim=INPUTS, cells=CELLS, projection=projection,
    layer_norm=norm,
  )  # fmt: skip


def integer_model(norm=True, projection=OUTPUTS):
  each, rng = layer(projection, norm), np.random.default_rng(0)
  arrays = {
    "kernel": rng.integers(-127, 128, each.kernel_shape).astype(np.int8),
    "kernel.scale": rng.uniform(0.002, 0.012, (2, 4)).astype(np.float32),
    "bias": rng.integers(-9000, 9000, 4 * CELLS).astype(np.int32),
  }
  if norm:
    arrays["gain"] = rng.integers(9000, 32768, 4 * CELLS).astype(np.int16)
    arrays["gain.scale"] = rng.uniform(5e-5, 1e-4, 4).astype(np.float32)
  if projection is not None:
    arrays["projection"] = rng.integers(-127, 128, (CELLS, projection)).astype(np.int8)
    arrays["projection.scale"] = np.float32([0.006])
  output = Quantization(0.011, 9)
  formats = IntegerFormats(
    output=output,
    hidden=output if projection is None else Quantization(0.008),
    gates=dict.fromkeys("ifgo", 0.001 if norm else 2.0**-12),
    cell=2.0**-12,
  )
  model = Model("one layer")
  graph = model.graph("step")
  x = graph.tensor("x", (1, 1, INPUTS), "int8", Quantization(0.03))
  y = integer_lstm(graph, x, each, arrays, formats)
  graph.finish({"x": x}, {"y": y})
  return model.to_bytes()


def float_model(hybrid):
  each, rng, model = layer(), np.random.default_rng(0), Model("one layer")
  arrays = {"kernel": rng.standard_normal(each.kernel_shape).astype(np.float32)}
  arrays |= {"bias": np.zeros(4 * CELLS, np.float32), "gain": np.ones(4 * CELLS, np.float32)}
  arrays["projection"] = rng.standard_normal((CELLS, OUTPUTS)).astype(np.float32)
  graph = model.graph("step")
  x = graph.tensor("x", (1, 1, INPUTS), "float32")
  y = float_lstm(graph, x, each, arrays, hybrid=hybrid)
  graph.finish({"x": x}, {"y": y})
  return model.to_bytes()


def opened(content):
  schema = litert_check.schema()
  return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def tensor(model, name):
  return next(each for each in model.subgraphs[0].tensors if each.name.decode() == name)


def sparse_metadata(block=16, rows=CELLS, columns=INPUTS):
  """That of a matrix all of whose blocks are kept."""
  model = Model("sparse")
  graph = model.graph("any")
  weights = np.ones((rows, columns), np.int8)
  index = graph.sparse("w", weights, block, Quantization(0.01))
  return graph._graph.tensors[index].sparsity


def scale_of(name, *scales):
  def change(model):
    tensor(model, name).quantization.scale = list(scales)

  return change


def zero_of(name, zero):
  def change(model):
    tensor(model, name).quantization.zeroPoint = [zero]

  return change


def unquantized(name):
  def change(model):
    tensor(model, name).quantization = None

  return change


def fewer_intermediates(model):
  model.subgraphs[0].operators[0].intermediates = model.subgraphs[0].operators[0].intermediates[:4]


def made_sparse(model):
  tensor(model, "layer/x_f").sparsity = sparse_metadata()


INTEGER = [
  (scale_of("layer/c", 0.0003), "layer/c: the cell's scale is 0.0003"),
  (scale_of("layer/c", 2.0**-8), "a power of two of at most 2"),
  (unquantized("layer/c"), "the cell's scale is 0.0"),
  (unquantized("layer/a_g"), "layer/a_g: an intermediate without a scale"),
  (unquantized("layer/hidden"), "layer/hidden: an intermediate without a scale"),
  (fewer_intermediates, "4 intermediates, .* needs five"),
  (zero_of("layer/hidden", 3), "layer/hidden: the hidden zero point is 3"),
  (zero_of("layer/h", 8), r"layer/h: the state is in \(.*, 8\), the output in \(.*, 9\)"),
  (scale_of("layer/x_i", *[0.01] * CELLS), "layer/x_i has 16 scales"),
  (scale_of("layer/projection", *[0.01] * OUTPUTS), "layer/projection has 16 scales"),
  (scale_of("layer/bias_o", 7e-5), "layer/bias_o is in units of .* the gain's scale / 1024"),
  (scale_of("layer/projection_bias", 1.0), "layer/projection_bias is in units of"),
  (made_sparse, "layer/x_f is sparse: .* for dense ones"),
]


@pytest.mark.parametrize(("change", "reason"), INTEGER)
def test_the_integer_layer(change, reason):
  model = opened(integer_model())
  litert_check.check(model)
  change(model)
  with pytest.raises(ValueError, match=reason):
    litert_check.check(model)


def test_the_integer_layer_without_layer_norm():
  model = opened(integer_model(norm=False))
  scale_of("layer/a_f", 2.0**-11)(model)
  with pytest.raises(ValueError, match=r"\['layer/a_f'\] are not in Q3.12"):
    litert_check.check(model)


def test_the_integer_layer_without_a_projection():
  model = opened(integer_model(projection=None))
  scale_of("layer/hidden", 0.008)(model)
  with pytest.raises(ValueError, match="without a projection LiteRT writes the output in the hid"):
    litert_check.check(model)


@pytest.mark.parametrize(("change", "reason"), [(INTEGER[8]), (INTEGER[-1])])
def test_the_hybrid_layer(change, reason):
  model = opened(float_model(hybrid=True))
  litert_check.check(model)
  change(model)
  with pytest.raises(ValueError, match=reason):
    litert_check.check(model)


def test_the_float_layer_with_sparse_weights():
  model = opened(float_model(hybrid=False))
  litert_check.check(model)
  made_sparse(model)
  with pytest.raises(ValueError, match="layer/x_f is sparse"):
    litert_check.check(model)


def test_the_older_lstm_with_sparse_weights():
  model = opened(float_model(hybrid=True))
  made_sparse(model)
  code = model.operatorCodes[0]
  code.builtinCode = code.deprecatedBuiltinCode = litert_check.schema().BuiltinOperator.LSTM
  with pytest.raises(ValueError, match="layer/x_f is sparse: LSTM has no kernel"):
    litert_check.check(model)


def connected(block, dtype="int8", columns=64, quantization=None, rows=8):
  """A sparse FULLY_CONNECTED of blocks that LiteRT may or may not have a kernel for."""
  model = Model("sparse")
  graph, rng = model.graph("step"), np.random.default_rng(0)
  x = graph.tensor("x", (1, columns), "float32")
  weights = rng.integers(1, 127, (rows, columns)).astype(dtype)
  weights[:, :block] = 0
  quantization = quantization or (Quantization(0.01) if dtype == "int8" else None)
  index = graph.sparse("w", weights, block, quantization)
  y = graph.tensor("y", (1, rows), "float32")
  options = graph.schema.FullyConnectedOptionsT()
  bias = graph.constant("bias", np.zeros(rows, np.float32))
  graph.operator("FULLY_CONNECTED", [x, index, bias], [y], options=options, version=8)
  graph.finish({"x": x}, {"y": y})
  return model, weights


@pytest.mark.parametrize(("block", "dtype"), [(16, "int8"), (4, "float32")])
def test_the_sparse_products_that_there_are(block, dtype):
  model, weights = connected(block, dtype)
  runtime = interpreter.Interpreter(model_content=model.to_bytes(), num_threads=1)
  runtime.allocate_tensors()
  x = np.random.default_rng(1).standard_normal((1, 64)).astype(np.float32)
  runtime.set_tensor(runtime.get_input_details()[0]["index"], x)
  runtime.invoke()
  y = runtime.get_tensor(runtime.get_output_details()[0]["index"])
  scale = 0.01 if dtype == "int8" else 1.0
  expected = x @ weights.T.astype(np.float32) * scale
  np.testing.assert_allclose(y, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize(
  ("block", "dtype"), [(4, "int8"), (8, "int8"), (32, "int8"), (16, "float32"), (8, "float32")]
)
def test_blocks_that_are_read_as_others(block, dtype):
  model, _ = connected(block, dtype)
  with pytest.raises(ValueError, match=f"w: sparse {dtype} weights in blocks of 1x{block}"):
    model.to_bytes()


@pytest.mark.parametrize(
  "quantization", [Quantization([0.01] * 8), Quantization(0.01, 3)], ids=["scales", "zero"]
)
def test_sparse_formats_that_are_not_heeded(quantization):
  model, _ = connected(16, quantization=quantization)
  with pytest.raises(ValueError, match="uses one scale and no zero point"):
    model.to_bytes()


def test_blocks_whose_places_do_not_fit_a_byte():
  model, _ = connected(16, columns=16 * 257)
  with pytest.raises(ValueError, match="4112 columns, up to 256 blocks in a row"):
    model.to_bytes()


def test_blocks_without_their_places():
  model, _ = connected(16)
  broken = opened(model.to_bytes())
  indices = tensor(broken, "w").sparsity.dimMetadata[1].arrayIndices
  indices.values = indices.values + 1
  with pytest.raises(ValueError, match="w: its 24 blocks and the places given for them"):
    litert_check.check(broken)


def test_a_file(tmp_path):
  path = tmp_path / "model.tflite"
  path.write_bytes(integer_model())
  litert_check.check_file(path)
  model = opened(path.read_bytes())
  scale_of("layer/c", 0.1)(model)
  import flatbuffers

  builder = flatbuffers.Builder(1024)
  builder.Finish(model.Pack(builder), b"TFL3")
  path.write_bytes(bytes(builder.Output()))
  with pytest.raises(ValueError, match=r"the cell's scale is 0\.1"):
    litert_check.check_file(path)
