"""Published checkpoints: their contents, places and licences, and the commands that import them.

Nothing is downloaded from here. The licences are stated by the publishers, for the weights or for the repository that
holds them: read them there before use.
"""

import dataclasses
from pathlib import PurePath

TORCHVISION = "github.com/pytorch/vision"
PSP = "github.com/eladrich/pixel2style2pixel"
DINO = "github.com/facebookresearch/dino"
NVIDIA = "NVIDIA Source Code License, non-commercial"
APACHE = "Apache-2.0"


@dataclasses.dataclass(frozen=True)
class Published:
    """A checkpoint, or a family of checkpoints, of one format."""

    what: str
    """Network and training data."""
    where: str
    """Project page and name of the file there."""
    licence: str
    values: int
    """Number of values in the imported network; each takes four bytes in the directory that the import writes."""
    format: str
    """Name of the format."""
    files: tuple[str, ...]
    """Files to import, under the publisher's names if they are known."""
    prefix: str | None = None
    """Prefix of the network's names, needed if the file holds several networks of this format."""

    def command(self) -> str:
        """The command that imports it."""
        out = f"weights/{self.format}/{PurePath(self.files[-1]).stem}"
        prefix = "" if self.prefix is None else f" --prefix {self.prefix}"
        return (
            f"python -m common.weights import --format {self.format} --src {' '.join(self.files)} --out {out}{prefix}"
        )


PUBLISHED = (
    Published(
        "StyleGAN2 generator, FFHQ 1024 px; there are others of MetFaces, AFHQ, BreCaHAD and CIFAR-10",
        "github.com/NVlabs/stylegan2-ada-pytorch (Karras et al. 2020, arXiv 2006.06676), pretrained/ffhq.pkl",
        NVIDIA,
        33_166_748,
        "stylegan2-ada",
        ("ffhq.pkl",),
    ),
    Published(
        "StyleGAN2 discriminator, FFHQ 1024 px",
        "the same file",
        NVIDIA,
        29_012_513,
        "stylegan2-ada-discriminator",
        ("ffhq.pkl",),
    ),
    Published(
        "HSR generator, 256 px, with the heads that predict features of a ViT-B",
        "github.com/val-iisc/HSR (Karmali et al., ECCV 2022), snapshots of its training",
        f"MIT; derived from StyleGAN2-ADA: {NVIDIA}",
        44_885_106,
        "hsr",
        ("network-snapshot.pkl",),
    ),
    Published(
        "StyleGAN2 generator, FFHQ 1024 px, in rosinality's layout",
        f"github.com/rosinality/stylegan2-pytorch converts NVIDIA's; a copy at {PSP}",
        f"MIT code; weights: {NVIDIA}",
        33_166_748,
        "rosinality",
        ("stylegan2-ffhq-config-f.pt",),
    ),
    Published(
        "pSp decoder, FFHQ 1024 px",
        f"{PSP} (Richardson et al. 2021, arXiv 2008.00951), psp_ffhq_encode.pt",
        f"MIT code; decoder: {NVIDIA}",
        33_166_748,
        "rosinality",
        ("psp_ffhq_encode.pt",),
    ),
    Published(
        "Feature-Style encoder, FFHQ 1024 px",
        "github.com/InterDigitalInc/FeatureStyleEncoder (Yao et al. 2022, arXiv 2202.02183), 143_enc.pth",
        "InterDigital's evaluation licence, research only",
        113_959_360,
        "feature-style",
        ("143_enc.pth",),
    ),
    Published(
        "ArcFace iresnet-50",
        "github.com/deepinsight/insightface, recognition/arcface_torch (Deng et al. 2018, arXiv 1801.07698)",
        "models for non-commercial research only",
        43_628_992,
        "arcface",
        ("backbone.pth",),
    ),
    Published(
        "ResNet-50, supervised on ImageNet",
        f"{TORCHVISION} (He et al. 2015, arXiv 1512.03385)",
        "BSD-3-Clause",
        25_610_152,
        "resnet",
        ("resnet50.pth",),
    ),
    Published(
        "ResNet-50, DINO",
        f"{DINO} (Caron et al. 2021, arXiv 2104.14294), dino_resnet50_pretrain.pth",
        APACHE,
        23_561_152,
        "resnet",
        ("dino_resnet50_pretrain.pth",),
    ),
    Published(
        "ResNet-50 with 128 outputs, ContrastLandmark",
        "github.com/cvl-umass/ContrastLandmark (Cheng et al., ICCV 2021)",
        "none stated",
        23_823_424,
        "resnet",
        ("checkpoint.pth",),
        prefix="model.encoder.module",
    ),
    Published(
        "ViT-B/16, DINO",
        f"{DINO}, dino_vitbase16_pretrain.pth",
        APACHE,
        85_798_656,
        "dino",
        ("dino_vitbase16_pretrain.pth",),
    ),
    Published(
        "ViT-S/16, DINO",
        f"{DINO}, dino_deitsmall16_pretrain.pth",
        APACHE,
        21_665_664,
        "dino",
        ("dino_deitsmall16_pretrain.pth",),
    ),
    Published(
        "ViT-S/14, DINOv2 without registers; there are larger ones",
        "github.com/facebookresearch/dinov2 (Oquab et al. 2023, arXiv 2304.07193), dinov2_vits14_pretrain.pth",
        APACHE,
        22_056_192,
        "dino",
        ("dinov2_vits14_pretrain.pth",),
    ),
    Published(
        "ViT-B/16, DeiT, supervised on ImageNet",
        "github.com/facebookresearch/deit (Touvron et al. 2020, arXiv 2012.12877), deit_base_patch16_224",
        APACHE,
        86_567_656,
        "deit",
        ("deit_base_patch16_224-b5f2ef4d.pth",),
    ),
    Published(
        "LPIPS with VGG-16",
        f"heads: github.com/richzhang/PerceptualSimilarity (Zhang et al. 2018, arXiv 1801.03924); trunk: {TORCHVISION}",
        "BSD-2-Clause (heads), BSD-3-Clause (trunk)",
        14_716_160,
        "lpips-parts",
        ("vgg16.pth", "vgg.pth"),
    ),
    Published(
        "LPIPS with AlexNet",
        "as with VGG-16",
        "BSD-2-Clause (heads), BSD-3-Clause (trunk)",
        2_470_848,
        "lpips-parts",
        ("alexnet.pth", "alex.pth"),
    ),
    Published(
        "VGG-16, for precision and recall, as extractor or as perceptual distance",
        f"{TORCHVISION} (Simonyan and Zisserman 2014, arXiv 1409.1556)",
        "BSD-3-Clause",
        134_260_544,
        "vgg16",
        ("vgg16.pth",),
    ),
    Published(
        "AlexNet without its classifier, as extractor or as perceptual distance",
        f"{TORCHVISION} (Krizhevsky 2014, arXiv 1404.5997)",
        "BSD-3-Clause",
        2_469_696,
        "alexnet",
        ("alexnet.pth",),
    ),
    Published(
        "Inception-v3 of FID",
        "github.com/mseitzer/pytorch-fid, release fid_weights",
        APACHE,
        23_885_392,
        "pytorch-fid",
        ("pt_inception-2015-12-05-6726825d.pth",),
    ),
)
