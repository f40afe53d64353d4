"""Table 5, AFLW, 2000 labels: full and frontal.

python -m fase_jax.repeat --runs 5 --config configs/fase/table5_aflw_10pct.py
"""

from configs.fase.paper import paper

config = paper("table5_aflw_10pct", "aflw", num_labels=2000)
