"""StyleGAN2-ADA's adaptive augmentation."""
