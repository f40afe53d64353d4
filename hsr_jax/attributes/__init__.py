"""Classifiers of facial attributes."""
