"""Random augmentation on the device, as pure functions of a key, a batch and a configuration."""
