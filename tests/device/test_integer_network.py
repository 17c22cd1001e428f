"""What lies around the integer cells, each step against a float64 formula: entrance, embedding,
joint network, the decoder's choice."""

from typing import NamedTuple

import numpy as np
import pytest

from edge_rnnt.device.container import Container, read
from edge_rnnt.device.integer_cells import Format
from edge_rnnt.device.integer_network import Entrance
from edge_rnnt.device.network import Network
from edge_rnnt.device.reference import reference_network

TANH = 1 / 128 + 12.1 / 2**15  # Q0.7, whose 1 is 127 / 128, of a table that is within 12.1 of Q0.15
PROJECTED = 1.001 / 4096  # rounded twice, by half a step each; a multiplier's 31 bits


class Case(NamedTuple):
  """An integer network, the numbers that its file stands for, and rows of int8."""

  container: Container
  network: Network
  heard: np.ndarray
  expected: np.ndarray

  def matrix(self, name: str) -> np.ndarray:
    return self.container.tensor(name).astype(np.float64) * self.scale(name)

  def scale(self, name: str) -> float:
    return float(self.container.tensor(f"{name}.scale")[0])

  def real(self, name: str, rows: np.ndarray) -> np.ndarray:
    scale, zero = self.container.activations[name]
    return (rows.astype(np.float64) - zero) * scale

  def projections(self) -> tuple[np.ndarray, np.ndarray]:
    """encoded W_e and predicted W_p + b."""
    encoded = self.real("encoder/layer_1/output", self.heard) @ self.matrix("joint/encoder")
    predicted = self.real("prediction/layer_0/output", self.expected)
    unit = self.container.activations["prediction/layer_0/output"][0] * self.scale(
      "joint/prediction"
    )
    bias = self.container.tensor("joint/bias") * np.float64(unit)
    return encoded, predicted @ self.matrix("joint/prediction") + bias

  def output(self) -> tuple[np.ndarray, np.ndarray]:
    """W_o and b_o."""
    unit = self.scale("joint/output_kernel") / 128
    return self.matrix("joint/output_kernel"), self.container.tensor("joint/output_bias") * unit


@pytest.fixture(scope="module", params=["lstm", "sru"])
def case(request, model_file) -> Case:
  container, rng = read(model_file(request.param, "integer")), np.random.default_rng(0)
  heard, expected = (rng.integers(-128, 128, (400, width)).astype(np.int8) for width in (16, 8))
  return Case(container, reference_network(container), heard, expected)


def test_features_are_rounded_to_half_a_step_and_saturate():
  format = Format(np.float32(0.03), -5)
  low, high = (0.03 * (q + 5) for q in (-128, 127))
  x = np.linspace(low - 1, high + 1, 2001).astype(np.float32)[None]
  q = Entrance(format)(x)
  error = np.abs((q + 5.0) * 0.03 - np.clip(x.astype(np.float64), low, high))
  assert q.min() == -128 and q.max() == 127
  assert error.max() <= 0.5001 * 0.03


def test_the_embedding_is_within_half_a_step_of_what_was_trained(case, example):
  trained = example(case.container.architecture.encoder_cell).params["prediction"]["embedding"]
  scale = case.scale("prediction/embedding")
  assert np.abs(case.network.embedding * scale - trained).max() <= 0.5001 * scale


def test_the_joint_s_projections_are_within_a_step_of_q3_12(case):
  got = case.network.joint.encoded(case.heard), case.network.joint.predicted(case.expected)
  for integers, exact in zip(got, case.projections(), strict=True):
    assert np.abs(integers / 4096 - exact).max() <= PROJECTED
    assert np.abs(exact).max() > 0.5


def test_scores_are_the_logits_within_their_bound_and_so_is_the_choice(case):
  """|score unit - logit| <= sum |W_o| (error of tanh + of its two terms), whose slope is at most 1.

  Where the best logit leads by more than twice that, it is chosen.
  """
  joint = case.network.joint
  scores = joint.scores(joint.encoded(case.heard), joint.predicted(case.expected))
  (encoded, predicted), (kernel, bias) = case.projections(), case.output()
  logits = np.tanh(np.clip(encoded + predicted, -8, 8)) @ kernel + bias
  bound = np.abs(kernel).sum(axis=0) * (TANH + 2 * PROJECTED)
  error = np.abs(scores * case.scale("joint/output_kernel") / 128 - logits)
  assert (error <= bound).all()
  assert error.mean() < 0.2 * bound.mean()  # errors add up like a walk, not like a wall
  best = np.sort(logits, axis=1)
  clear = best[:, -1] - best[:, -2] > 2 * bound.max()
  assert clear.mean() > 0.3
  assert np.array_equal(scores.argmax(axis=1)[clear], logits.argmax(axis=1)[clear])


def test_sums_beyond_tanh_s_range_saturate(case):
  joint, width = case.network.joint, case.container.architecture.joint_dim
  huge = np.full((1, width), 1 << 20)
  kernel = case.container.tensor("joint/output_kernel").astype(np.int64)
  bias = case.container.tensor("joint/output_bias")
  for sign, level in ((1, 127), (-1, -128)):
    expected = level * kernel.sum(axis=0) + bias
    assert joint.scores(sign * huge, 0 * huge)[0].tolist() == expected.tolist()
