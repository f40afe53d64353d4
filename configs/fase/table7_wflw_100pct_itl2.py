"""Table 7, WFLW, all labels, 2 ITLs. Paper: inter-ocular NME 4.65 +- 0.02 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_100pct_itl2.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_100pct_itl2", "wflw", num_itls=2)
