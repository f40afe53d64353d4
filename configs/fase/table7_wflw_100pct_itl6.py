"""Table 7, WFLW, all labels, 6 ITLs. Paper: inter-ocular NME 4.61 +- 0.4 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_100pct_itl6.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_100pct_itl6", "wflw", num_itls=6)
