"""config.augmentation -> how training speech is disturbed, and what it is put into."""

from ml_collections import ConfigDict

from data.sounds import AT_HAND, sounds
from edge_rnnt.inputs.augmentation import Augment, Surroundings


def surroundings(config: ConfigDict, sample_rate: int) -> Surroundings:
  """The noises and rooms of the config, read. Raises ManifestError for ones that cannot be used."""
  return Surroundings(
    noises=sounds(config.noises, "noise", sample_rate),
    rooms=sounds(config.rooms, "rir", sample_rate),
  )


def augment(config: ConfigDict, within: Surroundings, strength: float) -> Augment:
  """The config's disturbances at a strength: none at 0, as they stand there at 1."""
  low, high = config.gain_db
  share = min(strength, 1.0)
  no_rooms = config.rooms == AT_HAND and not within.rooms
  return Augment(
    speed=(1 - config.speed * strength, 1 + config.speed * strength),
    gain_db=(low * strength, high * strength),
    room_share=0.0 if no_rooms else config.room_share * share,
    noise_share=config.noise_share * share,
    snr_db=tuple(config.snr_db),
    telephone_share=config.telephone_share * share,
    warp=config.warp * strength,
    time_masks=round(config.time_masks * strength),
    time_share=config.time_share,
    time_width=round(config.time_width * strength),
    mel_masks=round(config.mel_masks * strength),
    mel_width=round(config.mel_width * strength),
  )
