import os
import signal
import time

import pytest

from edge_rnnt.train.stop import Stopped, StopSignals, ends_at_once


def test_a_signal_is_noted_and_handlers_are_put_back():
  before = signal.getsignal(signal.SIGTERM)
  with pytest.raises(Stopped) as stopped, StopSignals() as stop:
    assert stop.signum is None
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.signum == signal.SIGTERM
    raise Stopped(stop.signum, "saved")
  assert stopped.value.code == 143
  assert str(stopped.value) == "saved"
  assert signal.getsignal(signal.SIGTERM) is before


def test_what_changes_nothing_is_cut_short():
  with pytest.raises(Stopped), StopSignals() as stop:
    assert stop.run_unless_stopped(lambda: 5) == 5

    def long_evaluation():
      os.kill(os.getpid(), signal.SIGTERM)
      try:
        time.sleep(30)
      except Exception:
        pytest.fail("a handler of the function's own caught the signal")

    began = time.monotonic()
    assert stop.run_unless_stopped(long_evaluation) is None
    assert time.monotonic() - began < 5
    assert stop.run_unless_stopped(lambda: pytest.fail("started after the signal")) is None
    raise Stopped(stop.signum, "saved")


def test_the_second_ctrl_c_interrupts():
  with pytest.raises(KeyboardInterrupt), StopSignals() as stop:
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.signum == signal.SIGINT
    os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_nobody_heeded_has_its_usual_effect():
  with pytest.raises(KeyboardInterrupt), StopSignals():
    os.kill(os.getpid(), signal.SIGINT)


def test_outside_of_training_sigterm_ends_at_once_and_says_so(capfd):
  before = signal.getsignal(signal.SIGTERM)
  with pytest.raises(Stopped) as stopped, ends_at_once():
    with pytest.raises(Stopped), StopSignals() as training:
      os.kill(os.getpid(), signal.SIGTERM)
      raise Stopped(training.signum, "saved")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
  assert stopped.value.code == 143
  (told,) = capfd.readouterr().err.splitlines()
  assert told.startswith("Stopped.") and "same command goes on" in told
  assert signal.getsignal(signal.SIGTERM) is before
