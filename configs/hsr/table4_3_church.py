"""Table 4.3, LSUN-Church, StyleGAN2. Thesis: FID 4.08, precision 0.60, recall 0.34, PPL 916.15.

python -m hsr_jax.train --config configs/hsr/table4_3_church.py
"""

from configs.hsr.paper import paper

config = paper("table4_3_church", "church")
