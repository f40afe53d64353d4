"""Table 4.5, AnimalFace cat, StyleGAN2-ADA. Thesis: FID 39.50, PPL 50.76.

python -m hsr_jax.train --config configs/hsr/table4_5_cat.py
"""

from configs.hsr.paper import paper

config = paper("table4_5_cat", "cat")
