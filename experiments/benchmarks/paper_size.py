r"""The paper's 122 M model as it is: one training step and one stream, seconds and peak memory.

  python -m experiments.benchmarks.paper_size
  python -m experiments.benchmarks.paper_size --only=step --json

A step is loss, gradient, AdamW, pruning masks made anew and weight average, on 2 utterances of 3 s
(100 stacked frames, 12 word-pieces); a stream is one utterance of 3 s, 60 ms at a time, in JAX.
Random weights and features: time and memory do not depend on them. Each part runs in a process of
its own, whose peak is what the system counts. 5 GiB of memory; five minutes on 2 cores.

Measured on 2 cores (AMD EPYC) beside much other work, so that the seconds are far above what a
quiet machine takes (paper_lstm; first call with compilation, median of 3 after it, peak memory):

      step     122 s    31.8 s   4,308 MiB     all masks made anew in it
      masks    160 s     1.07 s  3,248 MiB     so 0.3 % of a step at one making in ten updates
      stream    87 s    60.1 s   1,560 MiB     random weights: 4 word-pieces in every frame
"""

import json
import resource
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import rich.console
import rich.table
from absl import app, flags

from edge_rnnt.decode.stream import Stream
from edge_rnnt.inputs.alignment import UNKNOWN
from edge_rnnt.model.presets import preset
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.prune import schedule, transform
from edge_rnnt.train import optimizer, state, step

PARTS = ("step", "masks", "stream")
UTTERANCES, FRAMES, LABELS = 2, 100, 12
FRAME_SECONDS = 0.03
REPEATS = 3

_MODEL = flags.DEFINE_string("model", "paper_lstm", "A preset (edge_rnnt/model/presets.py).")
_ONLY = flags.DEFINE_list("only", list(PARTS), f"Parts to run: {', '.join(PARTS)}.")
_JSON = flags.DEFINE_bool("json", False, "Rows as JSON on stdout, in place of the table.")
_HERE = flags.DEFINE_enum("here", None, PARTS, "Run this part in this very process.")


def training_step(name: str) -> list[float]:
  """Seconds of the first call, compilation included, and of those after it."""
  model = RNNT(preset(name))
  # From the first update on half of the blocks go, and every step makes all masks anew.
  link = transform.gradual(schedule.constant(0.5), every=1)
  chain = optimizer.adamw(1e-3, prune=link)
  update = step.make_train_step(
    model, chain, transducer_weight=1.0, ctc_weight=0.0, ema_decay=0.999
  )
  key = jax.random.key(0)
  now = state.create(init(model.config, key), chain, key, ema=True)
  batch = random_batch(model)
  seconds = []
  for _ in range(1 + REPEATS):
    begin = time.perf_counter()
    now, metrics = update(now, *batch)
    finite = bool(metrics["finite"])
    seconds.append(time.perf_counter() - begin)
    if not finite:
      raise FloatingPointError(f"the loss is {float(metrics['loss'])}")
  return seconds


def masks(name: str) -> list[float]:
  """Seconds of making the masks of all kernels anew, and nothing else."""
  params = init(preset(name), jax.random.key(0))
  link = transform.gradual(schedule.constant(0.5), every=1)
  zeros = jax.tree.map(jnp.zeros_like, params)
  make = jax.jit(lambda now: link.update(zeros, now, params)[1])
  now, seconds = link.init(params), []
  for _ in range(1 + REPEATS):
    begin = time.perf_counter()
    now = jax.block_until_ready(make(now))
    seconds.append(time.perf_counter() - begin)
  return seconds


def stream(name: str) -> list[float]:
  """Seconds of an utterance, the first time with compilation."""
  model = RNNT(preset(name))
  params = init(model.config, jax.random.key(0))
  features = np.asarray(random_batch(model)[0][0])
  seconds = []
  for _ in range(1 + REPEATS):
    begin = time.perf_counter()
    utterance = Stream(model, params)
    for group in np.split(features, FRAMES // model.config.time_reduction):
      utterance.accept(group)
    utterance.finish()
    seconds.append(time.perf_counter() - begin)
  return seconds


def random_batch(model: RNNT) -> tuple[jax.Array, ...]:
  """Features, their lengths, labels, theirs, and alignments that are not known."""
  rng = np.random.default_rng(0)
  return (
    jnp.asarray(rng.normal(size=(UTTERANCES, FRAMES, model.config.feature_dim)), jnp.float32),
    jnp.full(UTTERANCES, FRAMES),
    jnp.asarray(rng.integers(0, model.config.blank, (UTTERANCES, LABELS)), jnp.int32),
    jnp.full(UTTERANCES, LABELS),
    jnp.full((UTTERANCES, FRAMES), UNKNOWN),
  )


RUN = {"step": training_step, "masks": masks, "stream": stream}


def row(part: str, model: str) -> dict:
  """A part measured in a process of its own."""
  command = [sys.executable, "-m", "experiments.benchmarks.paper_size"]
  done = subprocess.run(
    [*command, f"--model={model}", f"--here={part}"], capture_output=True, text=True, check=False
  )
  if done.returncode:
    raise RuntimeError(f"{part} of {model} failed:\n{done.stderr.strip()}")
  return json.loads(done.stdout)


def measured_here(part: str, model: str) -> dict:
  """The row of a part that runs in this process."""
  first, *others = RUN[part](model)
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
  median = float(np.median(others))
  return {"model": model, "part": part, "first_s": first, "s": median, "peak_mib": peak}


def main(argv: list[str]) -> None:
  del argv
  if _HERE.value:
    print(json.dumps(measured_here(_HERE.value, _MODEL.value)))
    return
  unknown = sorted(set(_ONLY.value) - set(PARTS))
  if unknown:
    raise app.UsageError(f"--only={','.join(unknown)}: the parts are {', '.join(PARTS)}")
  rows = [row(part, _MODEL.value) for part in _ONLY.value]
  if _JSON.value:
    print(json.dumps(rows, indent=1))
    return
  made = rich.table.Table(box=None, pad_edge=False)
  for head in ("part", "first call, s", "median, s", "peak memory, MiB"):
    made.add_column(head, justify="left" if head == "part" else "right")
  for each in rows:
    made.add_row(
      each["part"], f"{each['first_s']:.2f}", f"{each['s']:.2f}", f"{each['peak_mib']:.0f}"
    )
  rich.console.Console().print(f"{_MODEL.value}:", made)


if __name__ == "__main__":
  app.run(main)
