"""HSR: Tables 4.1 to 4.5 and the ALS table of the thesis, StyleGAN2-ADA's presets, and small models for a CPU."""
