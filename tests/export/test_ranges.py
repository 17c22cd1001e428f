"""Ranges of a whole model are those of its layers, fed as the model feeds them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.export.ranges import measure_ranges
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.train.ranges import Utterances


class Spy:
  """Records by full path; works outside of compiled loops, so utterances of one encoded frame."""

  def __init__(self, seen: dict, path: str = "") -> None:
    self.seen, self.path = seen, path

  def __call__(self, name, x):
    def note(value):
      self.seen.setdefault(self.path + name, []).append(np.asarray(value))

    jax.debug.callback(note, x)
    return x

  def scope(self, name):
    return Spy(self.seen, f"{self.path}{name}/")


jax.tree_util.register_pytree_node(Spy, lambda s: ((), s), lambda s, _: s)


def test_ranges_are_what_the_model_itself_passes_through_its_taps(model):
  model = model("lstm")
  rng = np.random.default_rng(0)
  frames = rng.standard_normal((3, 6, 20)).astype(np.float32)
  lengths = np.array([6, 6, 6], np.int32)
  labels = rng.integers(0, 10, (3, 4)).astype(np.int32)
  batch = Utterances(frames, lengths, labels, np.array([4, 4, 4], np.int32))
  ranges = measure_ranges(model.params, model.config, [batch])
  seen: dict = {}
  network = RNNT(model.config)
  variables = {"params": jax.tree.map(jnp.asarray, model.params)}
  spied = jax.jit(network.apply, static_argnames="method")  # under jit, types are not checked
  spied(variables, jnp.asarray(frames), jnp.asarray(lengths), Spy(seen), method="encode")
  spied(variables, jnp.asarray(labels), Spy(seen), method="predict")
  jax.effects_barrier()
  activations = {path for path in seen if not path.endswith(("kernel", "embedding"))}
  assert set(ranges) == activations
  for path in activations:
    flat = np.concatenate([value.ravel() for value in seen[path]])
    assert ranges[path].low.min() == pytest.approx(flat.min(), rel=1e-4, abs=1e-4), path
    assert ranges[path].high.max() == pytest.approx(flat.max(), abs=1e-4), path


def test_padding_is_not_looked_at_and_batches_widen(model):
  model = model("sru")
  rng = np.random.default_rng(1)
  frames = rng.standard_normal((2, 6, 20)).astype(np.float32)
  labels = rng.integers(0, 10, (2, 4)).astype(np.int32)
  lengths, counts = np.array([6, 3], np.int32), np.array([4, 2], np.int32)
  together = measure_ranges(
    model.params, model.config, [Utterances(frames, lengths, labels, counts)]
  )
  frames[1, 3:], labels[1, 2:] = np.nan, -7
  apart = [
    Utterances(frames[i : i + 1], lengths[i : i + 1], labels[i : i + 1], counts[i : i + 1])
    for i in range(2)
  ]
  separate = measure_ranges(model.params, model.config, apart)
  assert set(together) == set(separate)
  for path, (low, high) in together.items():
    np.testing.assert_allclose(separate[path].low, low, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(separate[path].high, high, rtol=1e-5, atol=1e-5)


def test_no_utterances_are_refused(model):
  with pytest.raises(ValueError, match="no utterances"):
    measure_ranges(model().params, model().config, [])
