"""Table 7, 300-W, 50 labels, 1 ITL. Paper: inter-ocular NME 4.26 +- 0.09 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table7_w300_50_itl1.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_50_itl1", "w300", num_labels=50, num_itls=1)
