"""Table 7, 300-W, all labels, 5 ITLs. Paper: inter-ocular NME 3.42 +- 0.02 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_100pct_itl5.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_100pct_itl5", "w300", num_itls=5)
