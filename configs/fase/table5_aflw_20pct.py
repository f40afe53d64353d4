"""Table 5, AFLW, 4000 labels: full and frontal.

python -m fase_jax.repeat --runs 5 --config configs/fase/table5_aflw_20pct.py
"""

from configs.fase.paper import paper

config = paper("table5_aflw_20pct", "aflw", num_labels=4000)
