"""Readers of files from strangers. Nothing that a file contains is executed."""
