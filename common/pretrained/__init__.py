"""Frozen pretrained networks as functions, with their preprocessing and their variables."""
