"""Table 7, WFLW, 750 labels, 4 ITLs. Paper: inter-ocular NME 5.43 +- 0.04 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_10pct_itl4.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_10pct_itl4", "wflw", num_labels=750, num_itls=4)
