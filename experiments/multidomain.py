r"""One model for three domains: spoken orders, read sentences, digit strings by telephone.

  python -m experiments.multidomain --offline
  python -m experiments.multidomain --offline --config.curriculum='("align","hear","dense")'

Needs ../shared/data. The domains mirror the paper's test sets (voice search, YouTube, telephony);
`long` is read speech joined to whole stretches, `read_digits` digit strings that other people said
into another microphone. Both are measured beside the three and not pooled with them.

8 kHz, since one domain has nothing above 4 kHz: at 16 kHz the upper half of the features would tell
the domain and not the word, at twice the cost. Word-pieces, since sentences have an open
vocabulary. Telephony, the one task whose word boundaries are known, goes first: that is what leaves
the plateau (BUILD_NOTES.md). Noise, rooms, the telephone band and synthetic speech come after it.

Not measured yet but for its beginning: the alignment loss is 0.24 nats a frame after 300 updates at
rate 1e-3; at 2e-3 it was 0.46 after 200, where 1e-3 had 0.36 (seed 0, one run each).
"""

from ml_collections import ConfigDict

from experiments import recipe
from experiments.launch import launch
from experiments.recipe import stage

MIXED = {
  "commands": 0.2, "read": 0.3, "telephony": 0.2, "long": 0.1,
  "synthetic-commands": 0.1, "synthetic-telephony": 0.05, "synthetic-read": 0.05,
}  # fmt: skip


def get_config() -> ConfigDict:
  """The recipe for three domains and an open vocabulary, with a larger model and more updates."""
  config = recipe.get_config()
  config.domains = ("commands", "read", "telephony")
  # Not long, which says again what read says.
  config.pieces.vocab_size = 256
  config.pieces.sources = ("commands", "synthetic-commands", "read", "telephony")

  config.augmentation.update(
    noises="at hand", snr_db=(5.0, 40.0), rooms="at hand", room_share=0.2, telephone_share=0.2
  )

  config.model.update(
    encoder_layers=4, encoder_cells=256, encoder_projection=160, embedding_dim=96,
    prediction_cells=256, prediction_projection=160, joint_dim=160,
  )  # fmt: skip

  # About a minute of audio a batch, in at least 8 utterances.
  config.batch_size, config.frame_budget, config.buckets = 8, 2000, 6

  config.stages.align = stage(300, {"telephony": 1.0}, alignment=4.0, rate=1e-3, disturb=0.3)
  first = {"commands": 0.3, "telephony": 0.3, "read": 0.4}
  config.stages.hear = stage(1000, first, ctc=1.0, disturb=0.3)
  full = {"transducer": 1.0, "ctc": 0.3}
  config.stages.dense = stage(5000, MIXED, final=2e-4, keep_as="dense", **full)
  pruned = full | {"rate": 1e-3, "final": 1e-4}
  config.stages.half = stage(1000, MIXED, sparsity=0.5, keep_as="sparse50", **pruned)
  config.stages.eighty = stage(1500, MIXED, sparsity=0.8, keep_as="sparse80", **pruned)
  config.stages.prune = stage(1500, MIXED, sparsity=0.5, keep_as="pruned", **pruned)
  return config


if __name__ == "__main__":
  launch(get_config, "experiments.multidomain")
