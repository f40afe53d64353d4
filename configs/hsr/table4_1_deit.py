"""Table 4.1, AnimalFace dog, HSR with DeiT. Thesis: FID 53.22, PPL 54.71.

python -m hsr_jax.train --config configs/hsr/table4_1_deit.py
"""

from configs.hsr.paper import DEIT, paper

config = paper("table4_1_deit", "dog", DEIT)
