"""Table 4.5, FFHQ-2k, HSR. Thesis: FID 15.53, PPL 115.38.

python -m hsr_jax.train --config configs/hsr/table4_5_ffhq2k_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_5_ffhq2k_hsr", "ffhq2k", VIT_DINO)
