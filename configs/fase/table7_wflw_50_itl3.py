"""Table 7, WFLW, 50 labels, 3 ITLs. Paper: inter-ocular NME 7.65 +- 0.23 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_wflw_50_itl3.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_50_itl3", "wflw", num_labels=50, num_itls=3)
