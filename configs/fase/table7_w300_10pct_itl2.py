"""Table 7, 300-W, 315 labels, 2 ITLs. Paper: inter-ocular NME 3.72 +- 0.03 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_10pct_itl2.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_10pct_itl2", "w300", num_labels=315, num_itls=2)
