"""Table 4.2, AnimalFace dog, HSR at the low levels, 32 and 64 px. Thesis: FID 53.66, PPL 51.77.

python -m hsr_jax.train --config configs/hsr/table4_2_low.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_2_low", "dog", VIT_DINO, levels="low")
