"""Table 4.3, FFHQ-140k, HSR. Thesis: FID 3.72, precision 0.68, recall 0.48, PPL 144.59.

python -m hsr_jax.train --config configs/hsr/table4_3_ffhq_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_3_ffhq_hsr", "ffhq", VIT_DINO)
