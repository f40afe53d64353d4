"""Editing in the latent space: directions, projection of images, files of latents."""
