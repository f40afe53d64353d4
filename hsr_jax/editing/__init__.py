"""Edits in the latent space: directions, projection of images, latents on the disk."""
