import json

from tensorboardX.proto import event_pb2

from edge_rnnt.train.metrics import MetricsWriter


def lines(workdir):
  return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def scalars(workdir) -> list[tuple[int, str, float]]:
  """TensorBoard's records: length (8 bytes), checksum (4), event, checksum (4)."""
  found = []
  for path in sorted((workdir / "tensorboard").iterdir()):
    data = path.read_bytes()
    while data:
      size = int.from_bytes(data[:8], "little")
      event = event_pb2.Event.FromString(data[12 : 12 + size])
      found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
      data = data[16 + size :]
  return found


def test_numbers_go_to_both_files(tmp_path):
  with MetricsWriter(tmp_path) as writer:
    writer.write(10, {"stage": "ctc", "loss": 2.5})
  assert lines(tmp_path) == [{"step": 10, "stage": "ctc", "loss": 2.5}]
  assert scalars(tmp_path) == [(10, "loss", 2.5)]


def test_a_resumed_run_writes_every_step_once(tmp_path):
  with MetricsWriter(tmp_path) as writer:
    for step in (10, 20, 30):
      writer.write(step, {"loss": float(step)})
  with (tmp_path / "metrics.jsonl").open("a") as file:
    file.write('{"step": 40, "lo')  # killed while writing
  with MetricsWriter(tmp_path, start=20) as writer:
    writer.write(30, {"loss": -30.0})
  assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [
    (10, 10.0),
    (20, 20.0),
    (30, -30.0),
  ]
