"""Table 7, 300-W, all labels, 6 ITLs. Paper: inter-ocular NME 3.45 +- 0.03 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_100pct_itl6.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_100pct_itl6", "w300", num_itls=6)
