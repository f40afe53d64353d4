"""Table 4.4, AnimalFace dog, HSR without path length regularisation. Thesis: FID 52.98, PPL 58.60.

python -m hsr_jax.train --config configs/hsr/table4_4_hsr.py
"""

from configs.hsr.paper import VIT_DINO, paper

config = paper("table4_4_hsr", "dog", VIT_DINO, path_length_regularizer=False)
