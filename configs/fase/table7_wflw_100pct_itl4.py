"""Table 7, WFLW, all labels, 4 ITLs. Paper: inter-ocular NME 4.63 +- 0.05 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_100pct_itl4.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_100pct_itl4", "wflw", num_itls=4)
