import io

import rich.console

from edge_rnnt.train.progress import Progress


def test_a_log_file_gets_plain_lines_now_and_then():
  file = io.StringIO()
  console = rich.console.Console(file=file, width=200)
  with Progress(100, start=20, line_seconds=0.0, console=console) as progress:
    progress.advance(60, "ctc", "loss 2.50")
    progress.line("step 60: dev_wer 31.0% [of 40 words]")
  lines = file.getvalue().splitlines()
  assert lines[0].startswith("ctc 60/100, about 0:00 left: loss 2.50")
  assert lines[1] == "step 60: dev_wer 31.0% [of 40 words]"
  assert len(lines) == 2


def test_a_terminal_gets_a_bar():
  file = io.StringIO()
  console = rich.console.Console(file=file, width=100, force_terminal=True)
  with Progress(100, line_seconds=0.0, console=console) as progress:
    progress.advance(60, "ctc", "loss 2.50")
  shown = file.getvalue()
  assert "60/100" in shown
  assert "loss 2.50" in shown
  assert "about" not in shown
