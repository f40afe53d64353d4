"""Evaluation of a generator: numbered images, features, metrics by groups, figures and results files."""
