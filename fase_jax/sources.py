"""The faces of a run: the sources that its configuration names for training, validation and tests."""

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

# Test selections of the prepared sets, as the paper's tables name them (Sec. 4.1).
TEST_SELECTIONS = {
    "w300": ("common", "challenging", "full"),
    "wflw": ("test", "pose", "expression", "illumination", "makeup", "occlusion", "blur"),
    "aflw": ("full", "frontal"),
    "synthetic": ("test",),
}

# Context around training crops: a square turned by 45 degrees still shows real pixels in its corners (sqrt 2, rounded
# down to what 3FabRec's rule allows).
CONTEXT = 1.41


def scheme(data: FaceDataConfig) -> LandmarkScheme:
    """The landmark scheme of a data set."""
    return load_scheme(data.scheme) if data.dataset == "folder" else BUILDERS[data.dataset].scheme


def crop(config: FaseConfig, training: bool) -> Crop:
    """The rule by which faces are cut out. Training crops have a border that rotation and translation draw from."""
    data = config.data
    context = CONTEXT if training else 1.0
    return Crop(config.model.image_size, data.crop_scale, data.crop, context, data.crop_extend, data.fill)


def training(config: FaseConfig) -> tuple[Source, Source | None]:
    """Training and validation faces. The run's seed draws `num_labels` of all, then a fixed share is held out.

    The validation faces count as labels: a run with 50 labels and a fraction of 0.1 trains on 45 faces.
    """
    source = _open(config.data, "train")
    if config.data.num_labels:
        source = few_shot(source, config.data.num_labels, config.seed)
    if not config.data.validation_fraction:
        return source, None
    return split_validation(source, config.data.validation_fraction, config.seed)


def tests(data: FaceDataConfig) -> dict[str, Source]:
    """The test faces of each subset.

    Raises:
      InputError: the data set is a folder and `data.test_subsets` is empty.
    """
    names = data.test_subsets or TEST_SELECTIONS.get(data.dataset, ())
    if not names:
        raise InputError("field data.test_subsets: empty; name the subsets of the folder to evaluate on")
    return {name: _open(data, name) for name in names}


def _open(data: FaceDataConfig, name: str) -> Source:
    if data.dataset != "folder":
        options = {}
        if data.dataset == "synthetic":
            options = {"num_train": data.synthetic_train, "num_test": data.synthetic_test, "size": data.synthetic_size}
        return open_dataset(data.dataset, data.data_dir, name, data.root or None, **options)
    if not data.root:
        raise InputError("field data.root: empty; name the folder that holds the images")
    landmarks = scheme(data)
    if name != "train":
        return FolderSource(data.root, data.annotations, landmarks, (name,))
    if data.train_subsets or not data.test_subsets:
        return FolderSource(data.root, data.annotations, landmarks, data.train_subsets or None)
    everything = FolderSource(data.root, data.annotations, landmarks)
    rest = tuple(sorted(set(everything.subsets) - set(data.test_subsets)))
    return FolderSource(data.root, data.annotations, landmarks, rest)


def elsewhere(data: FaceDataConfig, root: str, annotations: str, subsets: tuple[str, ...]) -> FaceDataConfig:
    """The same scheme and crop for other subsets, or for another folder. An argument that is empty changes nothing."""
    changed = {"root": root, "annotations": annotations, "test_subsets": subsets}
    if root:
        changed |= {"dataset": "folder", "scheme": scheme(data).name if data.dataset != "folder" else data.scheme}
    return dataclasses.replace(data, **{name: value for name, value in changed.items() if value})
