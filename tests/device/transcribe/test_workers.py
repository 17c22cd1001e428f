"""Several at once, told in order."""

import threading
import time

import pytest

from edge_rnnt.device.transcribe.workers import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_order_is_that_of_the_items(threads):
  def work(item, stopped):
    time.sleep(0.002 * (item % 3))
    yield item
    yield -item

  told = list(in_order(work, range(1, 60), threads))
  assert told == [(item, event) for item in range(1, 60) for event in (item, -item)]


def test_two_run_at_once():
  both = threading.Barrier(2, timeout=5)

  def work(item, stopped):
    both.wait()  # breaks if the second item waits for the first to end
    yield item

  assert [event for _, event in in_order(work, [1, 2], 2)] == [1, 2]


def test_events_come_while_their_item_is_worked_on():
  seen = threading.Event()

  def work(item, stopped):
    yield "begun"
    assert seen.wait(5)
    yield "ended"

  events = in_order(work, [0], 2)
  assert next(events) == (0, "begun")
  seen.set()
  assert next(events) == (0, "ended")


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_raised_is_raised_in_its_turn(threads):
  def work(item, stopped):
    yield item
    if item == 2:
      raise ZeroDivisionError

  told = []
  with pytest.raises(ZeroDivisionError):
    for _, event in in_order(work, [1, 2, 3], threads):
      told.append(event)
  assert told == [1, 2]


def test_closing_stops_the_work_and_begins_no_more():
  begun, ended = [], []

  def work(item, stopped):
    begun.append(item)
    yield item
    while not stopped():
      time.sleep(0.001)
    ended.append(item)

  events = in_order(work, range(100), 2)
  next(events)
  events.close()
  assert sorted(begun) == sorted(ended) and len(begun) <= 2


def test_no_more_than_a_few_run_ahead():
  begun = []

  def work(item, stopped):
    begun.append(item)
    yield item

  events = in_order(work, range(1000), 2)
  next(events)
  time.sleep(0.05)
  assert len(begun) <= 9
  events.close()
