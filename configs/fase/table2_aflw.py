"""Table 2, AFLW, all labels. Paper: NME_diag 1.02 % full, 0.90 % frontal; NME_box 1.45 %, AUC 0.791 at 7 % (both full).

python -m fase_jax.repeat --runs 5 --config configs/fase/table2_aflw.py
"""

from configs.fase.paper import paper

config = paper("table2_aflw", "aflw")
