"""Table 3, WFLW, 1500 labels. Paper: inter-ocular NME 5.09 +- 0.08 % (test).

python -m fase_jax.repeat --runs 5 --config configs/fase/table3_wflw_20pct.py
"""

from configs.fase.paper import paper

config = paper("table3_wflw_20pct", "wflw", num_labels=1500)
