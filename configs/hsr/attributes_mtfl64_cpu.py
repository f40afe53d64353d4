"""Gender, smile and glasses on two CPU cores: the 10,000 training faces of MTFL in `../shared/data/mtfl`, at 64 px.

    python -m hsr_jax.train_attributes --config configs/hsr/attributes_mtfl64_cpu.py

A tenth of the training faces validates; 1,500 of the AFLW faces that MTFL tests on are the test set. A positive score
is male, smiling, with glasses. Accuracies in percent, and balanced ones, after 200 seconds at 424 images/s:

| set | gender | smile | glasses |
|---|---|---|---|
| validation | 85.2, 83.9 | 79.2, 78.9 | 88.4, 67.6 |
| test | 72.5, 73.8 | 74.4, 73.7 | 90.9, 55.5 |
"""

from hsr_jax.attributes.config import AttributesConfig
from hsr_jax.attributes.data import AttributeDataConfig

config = AttributesConfig(
    workdir="runs/attributes_mtfl64_cpu",
    data=AttributeDataConfig(
        source="../shared/data/mtfl",
        table="train.csv",
        test_table="aflw.csv",
        attributes=("gender", "smile", "glasses"),
    ),
    image_size=64,
    widths=(16, 32, 64, 128),
    depths=(1, 1, 1, 1),
    learning_rate=3e-3,
    steps=2600,
    batch_size=32,
    log_every=50,
    eval_every=650,
    save_every=650,
)
