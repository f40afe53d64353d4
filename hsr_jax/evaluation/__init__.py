"""Evaluation of a generator: numbered images, features, groups of metrics, figures and result files."""
