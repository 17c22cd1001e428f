"""The axis letters used everywhere, and the array types that signatures are written in.

  B  utterances in a batch
  T  frames: 10 ms before stacking, 30 ms after, 60 ms after time reduction
  U  labels of an utterance           V  vocabulary, blank counted and last
  F  features of a stacked frame      D  input width of a layer
  H  cells of a recurrent layer       P  projection of a recurrent layer
  G  gates of a cell                  J  width of the joint network
  N  samples of audio                 M  mel bands

Padding: an array with a T or U axis travels with its lengths [B]; whatever lies beyond a length is
never read.
"""

from jaxtyping import Array, Bool, Float, Int

Lengths = Int[Array, "B"]
Frames = Float[Array, "B T F"]
Sequence = Float[Array, "B T D"]
Labels = Int[Array, "B U"]
Mask = Bool[Array, "B T"]
