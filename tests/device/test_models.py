"""The model that is taken when none is named."""

import pytest

from edge_rnnt.device.models import Unready, default_model


def test_the_only_one_is_taken(tmp_path):
  (tmp_path / "small.edge").write_bytes(b"")
  (tmp_path / "README.md").write_bytes(b"")
  assert default_model(tmp_path) == tmp_path / "small.edge"


def test_of_several_one_must_be_named(tmp_path):
  for name in ("a.edge", "b.edge"):
    (tmp_path / name).write_bytes(b"")
  with pytest.raises(Unready, match=r"--model: .*a\.edge, .*b\.edge"):
    default_model(tmp_path)


def test_without_any_it_is_said_where_they_come_from(tmp_path):
  with pytest.raises(Unready, match=r"--model FILE.*quickstart"):
    default_model(tmp_path / "models")
