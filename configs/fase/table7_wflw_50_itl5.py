"""Table 7, WFLW, 50 labels, 5 ITLs. Paper: inter-ocular NME 7.78 +- 0.20 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_wflw_50_itl5.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_50_itl5", "wflw", num_labels=50, num_itls=5)
