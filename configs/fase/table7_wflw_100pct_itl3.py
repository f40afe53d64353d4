"""Table 7, WFLW, all labels, 3 ITLs. Paper: inter-ocular NME 4.66 +- 0.08 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_100pct_itl3.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_100pct_itl3", "wflw", num_itls=3)
