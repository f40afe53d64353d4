"""Table 7, WFLW, all labels, 5 ITLs. Paper: inter-ocular NME 4.62 +- 0.03 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_100pct_itl5.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_100pct_itl5", "wflw", num_itls=5)
