"""Table 6, 300-W, all labels, encoder not fine-tuned. Paper: inter-ocular NME 4.54 +- 0.02 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table6_w300_100pct_frozen.py
"""

from configs.fase.paper import paper

config = paper("table6_w300_100pct_frozen", "w300", finetune_encoder=False)
