"""The recipe that takes a small RNN-T off the plateau and through pruning in minutes: one config.

Stages run in the order of `curriculum`. A stage names the shares of its sources; a source that the
data at hand does not have is left out and the others keep their proportions, and a stage for which
nothing is left is skipped (a folder of sentences has no known word boundaries to align to).
"""

import operator

from ml_collections import ConfigDict

from experiments.schemes import NAMES as SCHEMES

FAKE_STEPS = 20


class BadRecipe(ValueError):
  """A config that does not fit together, or the speech at hand; the message says what to change."""


def get_config() -> ConfigDict:
  """Every number of a run; override any with --config.x.y=z."""
  config = ConfigDict()
  config.seed = 0
  # WORKDIR:NAME, a run and a state it kept: begin with its weights (see warm_start.py).
  config.start_from = ""
  # What to take of ../shared/data: see data/domains.py. No matter to --data_dir.
  config.domains = ("commands", "strings")

  # Audio. The telephone's bandwidth suffices for the words at hand and halves the work.
  config.front_end = ConfigDict()
  config.front_end.sample_rate = 8000
  config.front_end.num_mels = 40
  config.front_end.low_hz = 60.0
  config.front_end.high_hz = 3900.0
  config.front_end.tail_seconds = 0.24  # so that the last word has frames to be emitted in
  config.front_end.clip = 4.0  # standard deviations

  # How training speech is disturbed at strength 1 (see inputs/augmentation.py). Mild: more keeps a
  # small model on the plateau.
  config.augmentation = ConfigDict()
  config.augmentation.speed = 0.1
  # Wide: one telephone is 20 dB below another, and a few training speakers don't show it.
  config.augmentation.gain_db = (-24.0, 6.0)
  # Recordings to take noise and rooms from: a folder, a list with a column path, "at hand" for
  # ../shared/data/noise and rir, "" for white noise and no rooms.
  config.augmentation.noises = ""
  config.augmentation.noise_share = 0.7
  config.augmentation.snr_db = (10.0, 40.0)
  config.augmentation.rooms = ""
  config.augmentation.room_share = 0.0
  config.augmentation.telephone_share = 0.0
  config.augmentation.warp = 0.08
  config.augmentation.time_masks = 2
  config.augmentation.time_width = 4  # stacked frames
  config.augmentation.time_share = 0.2  # of the utterance, that no mask is longer than
  config.augmentation.mel_masks = 2
  config.augmentation.mel_width = 6

  # Tokens. Up to closed_words distinct words, each word is one token; beyond, byte pairs.
  config.pieces = ConfigDict()
  config.pieces.closed_words = 200
  config.pieces.vocab_size = 256
  config.pieces.sources = ()  # training sets whose text makes the pieces; () for all of them

  config.model = ConfigDict()
  config.model.encoder_cell = "lstm"
  config.model.encoder_layers = 3
  config.model.encoder_cells = 160
  config.model.encoder_projection = 96
  config.model.time_reduction = 2
  config.model.time_reduction_after = 1
  config.model.embedding_dim = 64
  config.model.prediction_cell = "lstm"
  config.model.prediction_layers = 1
  config.model.prediction_cells = 160
  config.model.prediction_projection = 96
  config.model.joint_dim = 96

  config.optimizer = ConfigDict()
  config.optimizer.name = "adamw"  # or lamb, for batches of hundreds
  # Or exponential: from a stage's rate to its final. inverse_square_root, after as many updates as
  # the warm-up has: with the root of the updates, and not below a stage's final.
  config.optimizer.decay = "cosine"
  config.optimizer.hold = 0.0  # share of a stage before it begins
  config.optimizer.clip_norm = 1.0
  config.optimizer.weight_decay = 1e-3
  config.optimizer.warmup_steps = 50  # of the encoder, and of joint and prediction when they begin
  config.optimizer.ema_decay = 0.99

  config.pruning = ConfigDict()
  config.pruning.block = (8, 1)  # inputs x outputs
  config.pruning.recovery = "straight_through"
  config.pruning.every = 10  # updates between two makings of the masks
  config.pruning.ramp = 0.6  # share of a stage in which the sparsity rises
  # How much of a stage's sparsity each part gets.
  config.pruning.shares = ConfigDict({"encoder": 1.0, "prediction": 1.0})
  config.pruning.start = 0.0  # the sparsity that the weights of start_from have
  config.pruning.across = "tensor"  # what is ranked together; "pattern": all of an equal share

  # Of a stage's `quantize` (see train/quantize.py), and of int4 weights.
  config.quantization = ConfigDict()
  config.quantization.ranges = "tracked"  # or learned: of the integer scheme's activations
  config.quantization.begin = 0.1  # share of a stage after which numbers are rounded
  config.quantization.freeze = 0.8  # share of a stage after which ranges stay
  config.quantization.every = 10  # updates between two looks at what the activations cover
  config.quantization.decay = 0.9  # of a tracked range
  config.quantization.rate = 2e-3  # step of a learned range, in shares of its width
  config.quantization.group = 32  # inputs that share a scale in int4

  # Share of the units that enter a layer and are dropped for an utterance, at disturb = 1.
  config.dropout = 0.0
  # Labels per frame that the joint network looks at in training, 0 for all: see loss/pruned.py.
  config.window = 0
  # Encoder frames before and after the place where the CTC head hears a label in which the
  # transducer may emit it; () for anywhere. Unbound, it may learn to guess words unheard.
  config.emission = (1, 4)
  # What the transducer's blank is scored above its decoding in the loss. Where words are left out
  # far more often than put in, 0.5 to 1 evens it out (chosen on dev).
  config.blank_penalty = 0.0

  config.batch_size = 16  # of an update, over all devices of all processes
  config.accumulate = 1  # parts that a device takes its rows in, for want of memory
  config.matmul_dtype = "float32"  # bfloat16: an accelerator's fast products; the rest stays
  config.fsdp = False  # share parameters and optimizer out to the devices: see train/mesh.py
  config.buckets = 3
  # Padded frames a batch, 0 for batch_size alone: batches of short utterances then hold more.
  config.frame_budget = 0
  config.longest_utterance = 0.0  # seconds; longer ones are left out of training, 0 for none
  config.synthetic = 2000  # utterances of each kind mixed into the training on recorded speech
  config.evaluate_every = 400

  # Beside the states that stages keep (keep_as).
  config.checkpoints = ConfigDict()
  config.checkpoints.latest = 2  # newest: one may turn out damaged
  config.checkpoints.best = 1  # by dev WER
  # How many are averaged into what a stage keeps (their ema, if there is one), its end the last,
  # and the updates between them: best so close that all lie after the sparsity's ramp.
  config.checkpoints.average = 1
  config.checkpoints.spacing = 100

  config.calibration_utterances = 128

  config.schemes = ("float", "hybrid", "integer")  # see schemes.py
  # Measure device files on dev speech too, against float and the fake-quantized model.
  config.fidelity = False
  config.curriculum = ("align", "hear", "dense", "half", "eighty")
  config.stages = ConfigDict()
  config.stages.align = stage(200, {"strings": 1.0}, alignment=4.0, disturb=0.3)
  config.stages.hear = stage(
    500, {"commands": 0.5, "strings": 0.5, "own": 1.0}, ctc=1.0, disturb=0.3
  )
  # Synthetic speech pays once the model is off the plateau; before, it holds it there.
  mixed = {
    "commands": 0.4, "strings": 0.3, "own": 1.0,
    "synthetic-commands": 0.15, "synthetic-strings": 0.15,
  }  # fmt: skip
  full = {"transducer": 1.0, "ctc": 0.3}
  config.stages.dense = stage(2400, mixed, final=2e-4, keep_as="dense", **full)
  pruned = full | {"rate": 1e-3, "final": 1e-4}
  config.stages.half = stage(600, mixed, sparsity=0.5, keep_as="sparse50", **pruned)
  config.stages.eighty = stage(900, mixed, sparsity=0.8, keep_as="sparse80", **pruned)
  # Not in the curriculum: what a sweep does to a dense model, at a sparsity of its own.
  config.stages.prune = stage(900, mixed, sparsity=0.5, keep_as="pruned", **pruned)
  tuned = full | {"rate": 3e-4, "final": 3e-5}
  config.stages.tune = stage(300, mixed, keep_as="tuned", **tuned)
  return config


def stage(
  steps: int,
  sources: dict[str, float],
  *,
  alignment: float = 0.0,
  ctc: float = 0.0,
  transducer: float = 0.0,
  rate: float = 2e-3,
  final: float | None = None,
  disturb: float = 1.0,
  sparsity: float | None = None,
  quantize: str = "",
  keep_as: str = "",
) -> ConfigDict:
  """A stretch of training.

  Args:
    steps: updates.
    sources: shares of the batches.
    alignment, ctc, transducer: weights of the losses; one of weight 0 is not computed.
    rate, final: learning rate at its beginning and its end, config.optimizer.decay between (final
      None: it stays).
    disturb: strength of the augmentation, 0 to 1.
    sparsity: what the prunable kernels rise to (None: as before).
    quantize: name of the scheme that it is trained for, if any; masks stay from there on.
    keep_as: name under which the state at the end is kept for good.
  """
  return ConfigDict(
    {
      "steps": steps,
      "sources": ConfigDict(sources),
      "alignment": alignment,
      "ctc": ctc,
      "transducer": transducer,
      "rate": rate,
      "final": rate if final is None else final,
      "disturb": disturb,
      "sparsity": -1.0 if sparsity is None else sparsity,
      "quantize": quantize,
      "keep_as": keep_as,
    }
  )


def check(config: ConfigDict) -> None:
  """Raises BadRecipe for what would be stumbled over too early to be told, or only at the end."""
  unknown = [name for name in config.curriculum if name not in config.stages]
  if unknown or not config.curriculum:
    raise BadRecipe(
      f"curriculum is {tuple(config.curriculum)}: expected some of {', '.join(config.stages)}"
    )
  unknown = [name for name in config.schemes if name not in SCHEMES]
  if unknown or not config.schemes:
    raise BadRecipe(f"schemes are {tuple(config.schemes)}: expected some of {', '.join(SCHEMES)}")
  least = {"front_end.sample_rate": 1, "evaluate_every": 0, "window": 0}
  for name, bound in least.items():
    value = operator.attrgetter(name)(config)
    if value < bound:
      raise BadRecipe(f"{name} is {value}: expected {bound} or more")
  if len(config.emission) not in (0, 2) or any(each < 0 for each in config.emission):
    raise BadRecipe(f"emission is {tuple(config.emission)}: expected () or two numbers of frames")


def shortened(config: ConfigDict) -> ConfigDict:
  """The same run with 20 updates a stage, to see that all of it works somewhere (--fake_data)."""
  config = config.copy_and_resolve_references()
  for name in config.curriculum:
    config.stages[name].steps = min(config.stages[name].steps, FAKE_STEPS)
  config.evaluate_every = min(config.evaluate_every, FAKE_STEPS)
  config.checkpoints.average = min(config.checkpoints.average, FAKE_STEPS)
  apart = max(1, (FAKE_STEPS - 1) // config.checkpoints.average)
  config.checkpoints.spacing = min(config.checkpoints.spacing, apart)
  return config
