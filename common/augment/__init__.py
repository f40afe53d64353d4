"""Random augmentation on the device: pure functions of a key, a batch and a configuration."""
