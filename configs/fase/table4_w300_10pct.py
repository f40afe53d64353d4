"""Table 4, 300-W, 315 labels: common, challenging and full. Paper: inter-ocular NME 3.74 +- 0.02 % (full; Table 6).

python -m fase_jax.repeat --runs 5 --config configs/fase/table4_w300_10pct.py
"""

from configs.fase.paper import paper

config = paper("table4_w300_10pct", "w300", num_labels=315)
