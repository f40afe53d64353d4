"""Table 7, WFLW, 50 labels, 1 ITL. Paper: inter-ocular NME 8.72 +- 0.35 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_wflw_50_itl1.py
"""

from configs.fase.paper import paper

config = paper("table7_wflw_50_itl1", "wflw", num_labels=50, num_itls=1)
