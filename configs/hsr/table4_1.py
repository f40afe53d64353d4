"""Table 4.1: HSR with different feature extractors on AnimalFace dog."""

from common.tables import Table
from configs.hsr import table4_5
from configs.hsr.paper import DEIT, RANDOM_VIT, RESNET50, RESNET50_DINO, row, same_run, values

EXTRACTORS = {
    "vit_random": ("+ ViT (RandInit)", RANDOM_VIT, values(53.65, 56.97)),
    "resnet50_dino": ("+ ResNet50 DINO", RESNET50_DINO, values(54.33, 55.6)),
    "deit": ("+ DeiT", DEIT, values(53.22, 54.71)),
    "resnet50": ("+ ResNet50", RESNET50, values(52.88, 52.23)),
}
TABLE = Table(
    "4.1",
    "HSR by feature extractor, AnimalFace dog",
    {
        "baseline": same_run(table4_5.TABLE.rows["dog"], "StyleGAN2-ADA"),
        **{
            name: row(f"table4_1/{name}", title, "dog", published, extractor)
            for name, (title, extractor, published) in EXTRACTORS.items()
        },
        "vit_dino": same_run(table4_5.TABLE.rows["dog_hsr"], "+ ViT DINO"),
    },
)
