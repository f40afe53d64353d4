"""Table 7, WFLW, all labels, 1 ITL. Paper: inter-ocular NME 4.75 +- 0.04 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_wflw_100pct_itl1.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_100pct_itl1", "wflw", num_itls=1)
