"""Table 4.5, FFHQ-2k, StyleGAN2-ADA. Thesis: FID 14.74, PPL 136.14.

python -m hsr_jax.train --config configs/hsr/table4_5_ffhq2k.py
"""

from configs.hsr.paper import paper

config = paper("table4_5_ffhq2k", "ffhq2k")
