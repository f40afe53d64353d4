"""Table 4.1, AnimalFace dog, HSR with a ResNet-50 of DINO. Thesis: FID 54.33, PPL 55.60.

python -m hsr_jax.train --config configs/hsr/table4_1_resnet50_dino.py
"""

from configs.hsr.paper import RESNET50_DINO, paper

config = paper("table4_1_resnet50_dino", "dog", RESNET50_DINO)
