"""Table 6, 300-W, 315 labels, encoder not fine-tuned. Paper: inter-ocular NME 4.86 +- 0.03 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table6_w300_10pct_frozen.py
"""

from configs.fase.paper import paper

config = paper("table6_w300_10pct_frozen", "w300", num_labels=315, finetune_encoder=False)
