"""Table 4, 300-W, 50 labels: common, challenging and full. Paper: inter-ocular NME 4.16 +- 0.07 % (full; Table 6).

python -m fase_jax.repeat --runs 10 --config configs/fase/table4_w300_50.py
"""

from configs.fase.paper import paper

config = paper("table4_w300_50", "w300", num_labels=50)
