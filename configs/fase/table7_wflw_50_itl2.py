"""Table 7, WFLW, 50 labels, 2 ITLs. Paper: inter-ocular NME 8.20 +- 0.32 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_wflw_50_itl2.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_50_itl2", "wflw", num_labels=50, num_itls=2)
