"""Landmark schemes, sources of faces and images, crops, Grain pipelines, device-side augmentation, synthetic faces."""
