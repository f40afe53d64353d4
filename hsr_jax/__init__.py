"""HSR: a StyleGAN2 whose features predict those of a pretrained network, for a smoother latent space."""
