"""Table 6, WFLW, 750 labels, encoder not fine-tuned. Paper: inter-ocular NME 9.42 +- 0.06 %.

python -m fase_jax.repeat --runs 5 --config configs/fase/table6_wflw_10pct_frozen.py
"""

from configs.fase.paper import paper

config = paper("table6_wflw_10pct_frozen", "wflw", num_labels=750, finetune_encoder=False)
