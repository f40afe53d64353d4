"""Linen modules that return `(output, features)`."""
