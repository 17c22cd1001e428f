"""Fixtures shared by every room's tests."""

import os
import pathlib
import signal

# Compiling is what most tests spend their time on, and unoptimized code compiles twice as fast. JAX
# reads this when its backend starts.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import pytest

# A job that a shell put into the background ignores Ctrl-C, and so would what it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
  signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """Shared out to several processes (make test), the tests of a file stay in one, with what they
  have in common; so do all that look at the one run of tests/experiments, which takes a minute.
  """
  for item in items:
    group = "workdir" if "workdir" in item.fixturenames else str(item.path)
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
  """The folder of real speech beside the checkout; tests that need it skip without it."""
  if not SHARED.is_dir():
    pytest.skip("needs the real speech in ../shared/data, which is not beside this checkout")
  return SHARED
