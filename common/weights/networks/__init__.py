"""Checkpoint layouts, one file per network: its names, how its sizes are inferred, its key table."""
