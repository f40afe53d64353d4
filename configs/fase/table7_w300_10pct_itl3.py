"""Table 7, 300-W, 315 labels, 3 ITLs. Paper: inter-ocular NME 3.74 +- 0.01 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_10pct_itl3.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_10pct_itl3", "w300", num_labels=315, num_itls=3)
