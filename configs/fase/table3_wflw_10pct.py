"""Table 3, WFLW, 750 labels. Paper: inter-ocular NME 5.44 +- 0.07 % (test).

python -m fase_jax.repeat --runs 5 --config configs/fase/table3_wflw_10pct.py
"""

from configs.fase.paper import paper

config = paper("table3_wflw_10pct", "wflw", num_labels=750)
