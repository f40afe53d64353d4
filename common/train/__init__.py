"""Training without its science: device mesh, states, optimisers, loop, checkpoints, logs, and `fit` around them."""
