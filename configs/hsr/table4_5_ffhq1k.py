"""Table 4.5, FFHQ-1k, StyleGAN2-ADA. Thesis: FID 19.14, PPL 98.79.

python -m hsr_jax.train --config configs/hsr/table4_5_ffhq1k.py
"""

from configs.hsr.paper import paper

config = paper("table4_5_ffhq1k", "ffhq1k")
