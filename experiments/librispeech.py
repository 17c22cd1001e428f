r"""LibriSpeech, 960 hours: the public 49 M reference recipe, and the paper's models, for a cluster.

  python -m data.librispeech --subset=all960 --data_dir=DIR           (60 GB, once; or --extracted)
  python -m experiments.librispeech --data_dir=DIR/libri_speech_flac/all960/1.0.0
  python -m experiments.librispeech --data_dir=... --sweep --print_commands    (the paper's models)
  python -m experiments.librispeech --fake_data --workdir=runs/smoke           (does it run here?)

On a cluster: --coordinator=auto, --config.matmul_dtype=bfloat16, and --config.accumulate=4 where
memory is short. --data_dir is also what TFDS's own librispeech builder prepared (default or
lazy_decode), read without TensorFlow. A smaller try is --subset=clean100, a tenth of the speech,
with a tenth of the updates: --config.stages.hold.steps=1300 --config.stages.decay.steps=1100
--config.optimizer.warmup_steps=170.

The reference is the RNN-T of the MLPerf training benchmark: 80 log-mel bands, 3 frames stacked, 2
and 3 LSTM layers of 1024 with frames paired between, prediction 2 x 512, joint 512, 1023
word-pieces and blank; LAMB, batches of 1024, rate 0.004, EMA 0.999, SpecAugment, speed. Ours
differs: tanh in the joint (theirs ReLU), layer norm in every LSTM, no dropout, half a cosine after
the hold (theirs 0.935 an epoch), a CTC head that only training uses, at weight 0.

Expected, from the literature and NOT MEASURED HERE: dev-clean 5.8 % is the benchmark's target for
this model; uni-directional LSTM transducers of 85 M have 3.5-3.8 / 9.3-9.8 % on test-clean / -other
(icefall, lstm_transducer_stateless). Of the paper's models no LibriSpeech result is published.
Measured here: that it runs, on archives of LibriSpeech's layout with a few made-up utterances
(tests/experiments/test_librispeech.py).
"""

from ml_collections import ConfigDict, config_dict

from experiments import recipe
from experiments.launch import launch
from experiments.recipe import stage
from experiments.sweep import Point, Sweep

UTTERANCES = 281_241
BATCH = 1024
EPOCH = -(-UTTERANCES // BATCH)  # updates
WARM_UP, HOLD, DECAY = 6, 40, 40  # epochs

PAPER = {
  "front_end.num_mels": 128, "front_end.stack": 4, "pieces.vocab_size": 4096,
  "model.encoder_layers": 8, "model.encoder_cells": 2048, "model.encoder_projection": 640,
  "model.embedding_dim": 128, "model.prediction_layers": 2, "model.prediction_cells": 2048,
  "model.prediction_projection": 640, "model.joint_dim": 640,
}  # fmt: skip
EDGE = PAPER | {
  "model.encoder_cell": "cifg", "model.prediction_cell": "sru", "pruning.shares.prediction": 0.6,
}  # fmt: skip
"""The paper's best trade: 50 % of the encoder's blocks pruned, 30 % of the prediction network's."""


def get_config() -> ConfigDict:
  """The 49 M reference, dense."""
  config = recipe.get_config()
  config.front_end.update(sample_rate=16000, num_mels=80, low_hz=20.0, high_hz=7600.0)
  config.front_end.stack, config.front_end.stride = 3, 3
  config.pieces.vocab_size = 1024  # 1023 and blank

  config.model.update(
    encoder_layers=5, encoder_cells=1024, time_reduction=2, time_reduction_after=2,
    embedding_dim=512, prediction_layers=2, prediction_cells=512, joint_dim=512,
  )  # fmt: skip
  config.model.encoder_projection = config_dict.placeholder(int)
  config.model.prediction_projection = config_dict.placeholder(int)

  config.optimizer.update(
    name="lamb", clip_norm=1.0, weight_decay=1e-3, ema_decay=0.999, warmup_steps=WARM_UP * EPOCH
  )
  config.batch_size, config.buckets = BATCH, 8
  config.longest_utterance = 16.7
  config.synthetic = 0

  config.augmentation.update(speed=0.15, gain_db=(0.0, 0.0), noise_share=0.0, warp=0.0)
  config.augmentation.update(time_masks=10, time_width=16, mel_masks=2, mel_width=20)
  config.augmentation.time_share = 0.03

  own = {"own": 1.0}
  config.curriculum = ("hold", "decay")
  config.stages.hold = stage((WARM_UP + HOLD) * EPOCH, own, transducer=1.0, rate=4e-3)
  config.stages.decay = stage(
    DECAY * EPOCH, own, transducer=1.0, rate=4e-3, final=1e-5, keep_as="dense"
  )
  config.stages.prune = stage(
    DECAY * EPOCH, own, transducer=1.0, rate=1e-3, final=1e-5, sparsity=0.5, keep_as="pruned"
  )
  config.evaluate_every = 5 * EPOCH
  config.calibration_utterances = 1024
  return config


def get_sweep() -> Sweep:
  """The paper's dense LSTM, and its edge model pruned from its own dense training."""
  pruned = EDGE | {"curriculum": ("prune",)}
  return Sweep(
    "LibriSpeech: the paper's models",
    (
      Point("reference", 0, {}),
      Point("paper", 0, PAPER),
      Point("edge-dense", 0, EDGE),
      Point("edge", 0, pruned, "edge-dense:dense"),
    ),
    against="paper",
  )


if __name__ == "__main__":
  launch(get_config, "experiments.librispeech", get_sweep)
