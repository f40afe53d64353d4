"""Table 6, WFLW, 50 labels, encoder not fine-tuned. Paper: inter-ocular NME 14.36 +- 0.33 %.

python -m fase_jax.repeat --runs 10 --config configs/fase/table6_wflw_50_frozen.py
"""

from configs.fase.paper import paper

config = paper("table6_wflw_50_frozen", "wflw", num_labels=50, finetune_encoder=False)
