"""Table 4.4: HSR and the path length regularisation (PLR) of StyleGAN2, on AnimalFace dog."""

from common.tables import Table
from configs.hsr import table4_5
from configs.hsr.paper import VIT_DINO, row, same_run, values

TABLE = Table(
    "4.4",
    "HSR and path length regularisation, AnimalFace dog",
    {
        "neither": row("table4_4/neither", "neither", "dog", values(57.97, 75.63), path_length_regularizer=False),
        "plr": same_run(table4_5.TABLE.rows["dog"], "PLR"),
        "hsr": row("table4_4/hsr", "HSR", "dog", values(52.98, 58.60), VIT_DINO, path_length_regularizer=False),
        "plr_hsr": same_run(table4_5.TABLE.rows["dog_hsr"], "PLR, HSR"),
    },
)
