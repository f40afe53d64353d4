"""Table 4.1, AnimalFace dog, HSR with a supervised ResNet-50. Thesis: FID 52.88, PPL 52.23.

python -m hsr_jax.train --config configs/hsr/table4_1_resnet50.py
"""

from configs.hsr.paper import RESNET50, paper

config = paper("table4_1_resnet50", "dog", RESNET50)
