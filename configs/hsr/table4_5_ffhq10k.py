"""Table 4.5, FFHQ-10k, StyleGAN2-ADA. Thesis: FID 7.16, PPL 164.21.

Table in Fig. 4.10: ALS gender 1.38, ALS smile 1.48, ALS age 1.18, ALS hair 1.96, ALS bangs 1.95, ALS beard 1.60, ALS
1.59.

python -m hsr_jax.train --config configs/hsr/table4_5_ffhq10k.py
"""

from configs.hsr.paper import paper

config = paper("table4_5_ffhq10k", "ffhq10k")
