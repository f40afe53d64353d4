"""Table 1, 300-W, all labels. Inter-ocular NME of the paper:

2.97 +- 0.01 % common, 5.30 +- 0.09 % challenging, 3.42 +- 0.02 % full.

python -m fase_jax.repeat --runs 5 --config configs/fase/table1_w300.py
"""

from configs.fase.paper import paper

config = paper("table1_w300", "w300")
