"""Fixtures shared by every room's tests."""

import pathlib

import pytest

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
  """The folder of real speech beside the checkout; tests that need it skip without it."""
  if not SHARED.is_dir():
    pytest.skip("needs the real speech in ../shared/data, which is not beside this checkout")
  return SHARED
