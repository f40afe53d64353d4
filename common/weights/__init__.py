"""Public checkpoints as variables of this project's networks, and back."""
