"""Table 4.5, CUB, HSR. Thesis: FID 6.15, PPL 237.81.

python -m hsr_jax.train --config configs/hsr/table4_5_cub_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_5_cub_hsr", "cub", VIT_DINO)
