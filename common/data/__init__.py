"""Landmark schemes, sources of faces and of images, crops, Grain pipelines, augmentation on the device, synthetic faces."""
