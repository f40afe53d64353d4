"""Table 7, 300-W, 315 labels, 4 ITLs. Paper: inter-ocular NME 3.73 +- 0.02 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_10pct_itl4.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_10pct_itl4", "w300", num_labels=315, num_itls=4)
