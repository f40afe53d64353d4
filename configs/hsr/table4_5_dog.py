"""Table 4.5, AnimalFace dog, StyleGAN2-ADA. Thesis: FID 53.28, PPL 59.27.

Also a row of Tables 4.1, 4.2 and 4.4.

python -m hsr_jax.train --config configs/hsr/table4_5_dog.py
"""

from configs.hsr.paper import paper

config = paper("table4_5_dog", "dog")
