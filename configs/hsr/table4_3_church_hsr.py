"""Table 4.3, LSUN-Church, HSR. Thesis: FID 3.82, precision 0.60, recall 0.41, PPL 678.55.

python -m hsr_jax.train --config configs/hsr/table4_3_church_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_3_church_hsr", "church", VIT_DINO)
