"""Training tools of all systems: device mesh, states, optimisers, loop, checkpoints, logs, and `fit`."""
