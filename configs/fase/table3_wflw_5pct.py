"""Table 3, WFLW, 375 labels. Paper: inter-ocular NME 5.80 +- 0.08 % (test).

python -m fase_jax.repeat --runs 5 --config configs/fase/table3_wflw_5pct.py
"""

from configs.fase.paper import paper

config = paper("table3_wflw_5pct", "wflw", num_labels=375)
