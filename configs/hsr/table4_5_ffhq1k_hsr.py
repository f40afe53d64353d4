"""Table 4.5, FFHQ-1k, HSR. Thesis: FID 21.76, PPL 90.39.

python -m hsr_jax.train --config configs/hsr/table4_5_ffhq1k_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_5_ffhq1k_hsr", "ffhq1k", VIT_DINO)
