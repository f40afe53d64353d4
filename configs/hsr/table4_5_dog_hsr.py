"""Table 4.5, AnimalFace dog, HSR. Thesis: FID 51.58, PPL 48.02.

Also a row of Tables 4.1, 4.2 and 4.4.

python -m hsr_jax.train --config configs/hsr/table4_5_dog_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_5_dog_hsr", "dog", VIT_DINO)
