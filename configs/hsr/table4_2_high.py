"""Table 4.2, AnimalFace dog, HSR at the high levels, 8 and 16 px. Thesis: FID 53.15, PPL 57.73.

python -m hsr_jax.train --config configs/hsr/table4_2_high.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_2_high", "dog", VIT_DINO, levels="high")
