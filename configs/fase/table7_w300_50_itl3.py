"""Table 7, 300-W, 50 labels, 3 ITLs. Paper: inter-ocular NME 4.13 +- 0.02 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_w300_50_itl3.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_50_itl3", "w300", num_labels=50, num_itls=3)
