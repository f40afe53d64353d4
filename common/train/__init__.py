"""Everything of training that is not science: mesh, optimiser, loop, checkpoints, logs."""
