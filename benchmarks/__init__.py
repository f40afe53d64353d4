"""Benchmarks: speed, operations and scaling. They import everything; only tests import them."""
