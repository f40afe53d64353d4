"""Table 4.3, FFHQ-140k, StyleGAN2. Thesis: FID 3.92, precision 0.68, recall 0.45, PPL 175.09.

python -m hsr_jax.train --config configs/hsr/table4_3_ffhq.py
"""

from configs.hsr.paper import paper

config = paper("table4_3_ffhq", "ffhq")
