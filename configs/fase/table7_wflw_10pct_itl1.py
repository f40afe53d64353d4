"""Table 7, WFLW, 750 labels, 1 ITL. Paper: inter-ocular NME 5.68 +- 0.11 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_10pct_itl1.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_10pct_itl1", "wflw", num_labels=750, num_itls=1)
