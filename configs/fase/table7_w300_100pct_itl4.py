"""Table 7, 300-W, all labels, 4 ITLs. Paper: inter-ocular NME 3.46 +- 0.03 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_100pct_itl4.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_100pct_itl4", "w300", num_itls=4)
