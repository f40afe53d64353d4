"""Table 6, WFLW, all labels, encoder not fine-tuned. Paper: inter-ocular NME 8.94 +- 0.08 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table6_wflw_100pct_frozen.py
"""

from configs.fase.paper import paper

config = paper("table6_wflw_100pct_frozen", "wflw", finetune_encoder=False)
