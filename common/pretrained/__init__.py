"""Frozen pretrained networks as functions, with preprocessing and variables."""
