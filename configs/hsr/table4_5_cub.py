"""Table 4.5, CUB, StyleGAN2-ADA. Thesis: FID 5.78, PPL 265.46.

python -m hsr_jax.train --config configs/hsr/table4_5_cub.py
"""

from configs.hsr.paper import paper

config = paper("table4_5_cub", "cub")
