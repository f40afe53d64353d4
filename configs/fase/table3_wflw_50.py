"""Table 3, WFLW, 50 labels. Paper: inter-ocular NME 7.78 +- 0.20 % (test).

python -m fase_jax.repeat --runs 10 --config configs/fase/table3_wflw_50.py
"""

from configs.fase.paper import paper

config = paper("table3_wflw_50", "wflw", num_labels=50)
