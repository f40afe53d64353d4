"""FASE: face alignment from few labels with StyleGAN embeddings."""
