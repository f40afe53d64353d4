"""Runs: one file a row of a table."""
