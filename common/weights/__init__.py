"""Public checkpoints as variable trees: one key table a network."""
