"""Table 4.5, AnimalFace cat, HSR. Thesis: FID 40.25, PPL 40.75.

python -m hsr_jax.train --config configs/hsr/table4_5_cat_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_5_cat_hsr", "cat", VIT_DINO)
