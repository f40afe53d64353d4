"""CelebA-HQ: 30,000 faces at 1024 px with 40 attributes, read from the archive CelebAMask-HQ."""

from pathlib import Path

import numpy as np

from common.data.tfds.images import ImageBuilder, Picture
from common.errors import InputError

ROOT = "CelebAMask-HQ"
LIST = "CelebAMask-HQ-attribute-anno.txt"
OFFICIAL = 30_000
ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
).split()


class CelebaHq(ImageBuilder):
    """CelebA-HQ (Karras et al. 2018) with the attributes of CelebA, in the order of CelebAMask-HQ (Lee et al. 2020)."""

    attributes = tuple(ATTRIBUTES)
    selections = {"full": "full"}
    layout = f"manual_dir must hold {ROOT}/ with {LIST} and CelebA-HQ-img/"

    def read(self, root: Path) -> dict[str, list[Picture]]:
        path = root / ROOT / LIST
        lines = self.lines(path)
        if len(lines) < 2 or lines[0][0] != str(len(lines) - 2) or lines[1][0].split() != ATTRIBUTES:
            raise InputError(f"{path}: not a count, the names of 40 attributes and that many rows; download it again")
        pictures = [_picture(line, where, root / ROOT / "CelebA-HQ-img") for line, where in lines[2:]]
        self.check_images(pictures, path)
        self.check_count(str(path), len(pictures), OFFICIAL)
        return {"full": pictures}


def _picture(line: str, where: str, folder: Path) -> Picture:
    """Image of a line, which holds the name and 1 or -1 per attribute."""
    name, *flags = line.split()
    if len(flags) != len(ATTRIBUTES) or not set(flags) <= {"1", "-1"}:
        raise InputError(f"{where}: needs a file and {len(ATTRIBUTES)} values of 1 or -1; download it again")
    return Picture(folder / name, name, (), attributes=np.array(flags) == "1")
