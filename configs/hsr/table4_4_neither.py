"""Table 4.4, AnimalFace dog, neither path length regularisation nor HSR. Thesis: FID 57.97, PPL 75.63.

python -m hsr_jax.train --config configs/hsr/table4_4_neither.py
"""

from configs.hsr.paper import paper

config = paper("table4_4_neither", "dog", path_length_regularizer=False)
