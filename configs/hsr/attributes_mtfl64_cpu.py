"""A classifier of gender, smile and glasses: the 10,000 training faces in `../shared/data/mtfl` at 64 px, two cores.

    python -m hsr_jax.train_attributes --config configs/hsr/attributes_mtfl64_cpu.py

A tenth of the training faces is held out for validation; the test set has 1,500 of MTFL's test faces from AFLW. A
positive score means male, smiling, or with glasses. Accuracy and balanced accuracy in percent after 200 seconds of
training at 424 images/s:

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
