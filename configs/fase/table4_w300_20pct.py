"""Table 4, 300-W, 630 labels: common, challenging and full.

python -m fase_jax.repeat --runs 5 --config configs/fase/table4_w300_20pct.py
"""

from configs.fase.paper import paper

config = paper("table4_w300_20pct", "w300", num_labels=630)
