"""Table 7, WFLW, 750 labels, 3 ITLs. Paper: inter-ocular NME 5.46 +- 0.05 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_10pct_itl3.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_10pct_itl3", "wflw", num_labels=750, num_itls=3)
