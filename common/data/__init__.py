"""Landmark schemes, sources, crops, Grain pipelines, augmentation on the device, synthetic faces."""
