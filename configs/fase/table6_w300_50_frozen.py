"""Table 6, 300-W, 50 labels, encoder not fine-tuned. Paper: inter-ocular NME 5.99 +- 0.06 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table6_w300_50_frozen.py
"""

from configs.fase.paper import paper

config = paper("table6_w300_50_frozen", "w300", num_labels=50, finetune_encoder=False)
