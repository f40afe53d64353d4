"""StyleGAN2's training: losses, phases of a step, and the hierarchical semantic regularizer."""
