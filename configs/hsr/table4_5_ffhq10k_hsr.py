"""Table 4.5, FFHQ-10k, HSR. Thesis: FID 8.08, PPL 126.35.

Table in Fig. 4.10: ALS gender 1.12, ALS smile 0.99, ALS age 1.15, ALS hair 1.87, ALS bangs 1.62, ALS beard 1.16, ALS
1.32.

python -m hsr_jax.train --config configs/hsr/table4_5_ffhq10k_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_5_ffhq10k_hsr", "ffhq10k", VIT_DINO)
