"""edge_rnnt: a streaming RNN-Transducer from audio to a phone.

The corridor that data walks, one room a line:

  audio     waveform -> log-mel frames; augmentation
  text      words <-> word-pieces; word error rate
  cells     LSTM, CIFG, SRU under one contract
  loss      the transducer loss
  prune     block masks in the optimizer's state
  quant     numbers of 8 and 16 bits, fake-quant taps, calibration
  model     encoder, prediction network, joint; the paper's models by name
  inputs    folders, manifests and TFDS -> batches
  train     optimizer, step, checkpoints, loop
  decode    greedy search, whole utterances or chunk by chunk
  evaluate  checkpoint -> word error rate and size
  export    parameters, masks and ranges -> one device file
  device    streams audio through a device file; no JAX
  report    tables and plots
"""
