"""Table 4.1, AnimalFace dog, HSR with an untrained ViT. Thesis: FID 53.65, PPL 56.97.

python -m hsr_jax.train --config configs/hsr/table4_1_vit_random.py
"""

from configs.hsr.paper import RANDOM_VIT, paper

config = paper("table4_1_vit_random", "dog", RANDOM_VIT)
