"""Table 7, WFLW, 750 labels, 5 ITLs. Paper: inter-ocular NME 5.44 +- 0.07 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_10pct_itl5.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_10pct_itl5", "wflw", num_labels=750, num_itls=5)
