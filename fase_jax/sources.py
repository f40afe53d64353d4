"""The sources of faces that a configuration names for training, validation and tests, and the rule that crops them."""

import dataclasses

from common.data.faces.crop import Crop
from common.data.faces.folder import FolderSource
from common.data.faces.scheme import LandmarkScheme
from common.data.faces.schemes import load_scheme
from common.data.faces.source import Source, few_shot, split_validation
from common.data.tfds import BUILDERS
from common.data.tfds.records import open_dataset
from common.errors import InputError
from fase_jax.config import FaceDataConfig, FaseConfig

# Test subsets of the prepared data sets, named as in the paper's tables (Sec. 4.1).
TEST_SELECTIONS = {
    "w300": ("common", "challenging", "full"),
    "wflw": ("test", "pose", "expression", "illumination", "makeup", "occlusion", "blur"),
    "aflw": ("full", "frontal"),
    "synthetic": ("test",),
}

# Side of a training crop as a multiple of the side that the model sees, so that a crop turned by 45 degrees still shows
# real pixels in its corners: sqrt(2), rounded down to the size that 3FabRec's rule allows.
CONTEXT = 1.41


def scheme(data: FaceDataConfig) -> LandmarkScheme:
    """The landmark scheme of the configured data set."""
    return load_scheme(data.scheme) if data.dataset == "folder" else BUILDERS[data.dataset].scheme


def crop(config: FaseConfig, training: bool) -> Crop:
    """The rule that cuts faces out. Training crops have a border, from which rotation and translation take pixels."""
    data = config.data
    context = CONTEXT if training else 1.0
    return Crop(config.model.image_size, data.crop_scale, data.crop, context, data.crop_extend, data.fill)


def training(config: FaseConfig) -> tuple[Source, Source | None]:
    """Training faces, and validation faces or None.

    The run's seed draws `num_labels` faces, of which `validation_fraction` are held out: a run with 50 labels and a
    fraction of 0.1 trains on 45 faces.
    """
    source = _open(config.data, "train")
    if config.data.num_labels:
        source = few_shot(source, config.data.num_labels, config.seed)
    if not config.data.validation_fraction:
        return source, None
    return split_validation(source, config.data.validation_fraction, config.seed)


def tests(data: FaceDataConfig) -> dict[str, Source]:
    """The test faces by subset. Raises `InputError` if the data set is a folder and `data.test_subsets` is empty."""
    names = data.test_subsets or TEST_SELECTIONS.get(data.dataset, ())
    if not names:
        raise InputError("field data.test_subsets: empty; name the subsets to evaluate on")
    return {name: _open(data, name) for name in names}


def _open(data: FaceDataConfig, name: str) -> Source:
    if data.dataset != "folder":
        options = {}
        if data.dataset == "synthetic":
            options = {"num_train": data.synthetic_train, "num_test": data.synthetic_test, "size": data.synthetic_size}
        return open_dataset(data.dataset, data.data_dir, name, data.root or None, **options)
    if not data.root:
        raise InputError("field data.root: empty; name the folder of the images")
    landmarks = scheme(data)
    if name != "train":
        return FolderSource(data.root, data.annotations, landmarks, (name,))
    if data.train_subsets or not data.test_subsets:
        return FolderSource(data.root, data.annotations, landmarks, data.train_subsets or None)
    everything = FolderSource(data.root, data.annotations, landmarks)
    rest = tuple(sorted(set(everything.subsets) - set(data.test_subsets)))
    return FolderSource(data.root, data.annotations, landmarks, rest)


def elsewhere(data: FaceDataConfig, root: str, annotations: str, subsets: tuple[str, ...]) -> FaceDataConfig:
    """The data with other subsets, or another folder with the same scheme and crop. Empty arguments change nothing."""
    changed = {"root": root, "annotations": annotations, "test_subsets": subsets}
    if root:
        changed |= {"dataset": "folder", "scheme": scheme(data).name if data.dataset != "folder" else data.scheme}
    return dataclasses.replace(data, **{name: value for name, value in changed.items() if value})
