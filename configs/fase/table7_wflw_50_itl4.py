"""Table 7, WFLW, 50 labels, 4 ITLs. Paper: inter-ocular NME 7.94 +- 0.27 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_wflw_50_itl4.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_50_itl4", "wflw", num_labels=50, num_itls=4)
