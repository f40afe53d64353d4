"""Table 4.2, AnimalFace dog, HSR at the middle levels, 16 and 32 px. Thesis: FID 52.91, PPL 54.18.

python -m hsr_jax.train --config configs/hsr/table4_2_mid.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_2_mid", "dog", VIT_DINO, levels="mid")
