"""Table 7, 300-W, all labels, 2 ITLs. Paper: inter-ocular NME 3.44 +- 0.04 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table7_w300_100pct_itl2.py
"""

from configs.fase.paper import paper

config = paper("table7_w300_100pct_itl2", "w300", num_itls=2)
