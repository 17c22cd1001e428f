"""What all implementations of the training benchmark have in common beside the problem."""

RATE, CLIP_NORM, WEIGHT_DECAY = 1e-3, 1.0, 1e-3
BETAS, EPSILON = (0.9, 0.98), 1e-8  # the defaults of train/optimizer.py
MATMUL_SIZE = 1536
MATMUL_FLOPS = 2 * MATMUL_SIZE**3
