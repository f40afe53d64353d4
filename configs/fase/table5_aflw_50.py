"""Table 5, AFLW, 50 labels: full and frontal.

python -m fase_jax.repeat --runs 10 --config configs/fase/table5_aflw_50.py
"""

from configs.fase.paper import paper

config = paper("table5_aflw_50", "aflw", num_labels=50)
