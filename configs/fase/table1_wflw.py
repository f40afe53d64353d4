"""Table 1, WFLW, all labels. Paper: inter-ocular NME 4.62 +- 0.03 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table1_wflw.py
"""

from configs.fase.paper import paper

config = paper("table1_wflw", "wflw")
