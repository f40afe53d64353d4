"""Every configuration of HSR's tables loads and builds its networks, and every row of the tables has one."""

import functools
from pathlib import Path

import jax
import pytest

from common.config import config_diff, load_config
from common.pretrained.features import DINO_LAYERS
from configs.hsr import paper
from hsr_jax import build
from hsr_jax.config import GanConfig, NetworksConfig
from hsr_jax.gan import regularizer
from hsr_jax.published import PUBLISHED, TABLES

FOLDER = Path(__file__).parents[2] / "configs" / "hsr"
FILES = sorted(FOLDER.glob("table4_*.py"))


@functools.cache
def values(sizes: NetworksConfig, resolution: int) -> tuple[int, int]:
    """Numbers in generator and discriminator, by their shapes alone; most tables share them."""
    config = GanConfig(networks=sizes)
    assert config.data.resolution == resolution
    count = lambda tree: sum(x.size for x in jax.tree.leaves(tree["params"]))
    return tuple(count(tree) for tree in build.shapes(build.build_gan(config)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_loads_and_builds_its_networks(path):
    config, text = load_config(path, GanConfig), path.read_text()
    # The file's name, the work directory and the command in its text are one, and its text has the document's numbers.
    assert config.workdir == f"runs/hsr/{path.stem}"
    assert f"configs/hsr/{path.stem}.py" in text
    for metric, value in PUBLISHED[path.stem].items():
        assert f"{metric} {value:.2f}" in " ".join(text.split())
    assert values(config.networks, config.data.resolution) == (24_767_458, 24_001_089)
    if config.hsr.extractor != "none":
        assert regularizer.pair(regularizer.BLOCKS, DINO_LAYERS, config.hsr.levels)
        assert config.hsr.image_size == 224 and config.hsr.start_kimg == 500


def test_every_row_has_a_config_and_every_config_a_row():
    assert {path.stem for path in FILES} == set(PUBLISHED)
    assert {name: len(rows) for name, rows in TABLES.items()} == {
        "4.1": 6,
        "4.2": 5,
        "4.3": 4,
        "4.4": 4,
        "4.5": 12,
        "ALS": 2,
    }


def test_tables_agree_on_the_rows_that_they_share():
    for rows in TABLES.values():
        for row in rows:
            assert row.values.items() <= PUBLISHED[row.config].items()


def test_a_baseline_and_its_row_with_hsr_differ_in_the_extractor_only():
    for name in ("table4_3_church", "table4_5_cub", "table4_5_ffhq2k"):
        base, hsr = (load_config(FOLDER / f"{name}{end}.py", GanConfig) for end in ("", "_hsr"))
        assert set(config_diff(base, hsr)) == {"workdir", "hsr.extractor"}
        assert (base.hsr.extractor, hsr.hsr.extractor) == ("none", paper.VIT_DINO)


def test_the_papers_settings():
    dog, full = (load_config(FOLDER / f"{name}.py", GanConfig) for name in ("table4_5_dog_hsr", "table4_3_ffhq"))
    for config in (dog, full):
        assert (config.batch_size, config.data.mirror, config.data.resolution) == (16, True, 256)
        assert (config.losses.r1_gamma, config.losses.path_length_weight, config.schedule.ema_kimg) == (1.0, 2.0, 20.0)
    assert (dog.ada.mode, full.ada.mode) == ("adaptive", "none")
    assert (dog.hsr.levels, dog.hsr.activation, dog.hsr.hidden) == ("all", "leaky_relu", 4096)
    few = load_config(FOLDER / "table4_5_ffhq10k.py", GanConfig)
    assert few.data.max_images == 10_000 and full.data.max_images == 0
    assert load_config(FOLDER / "table4_4_hsr.py", GanConfig).losses.path_length_weight == 0
    assert load_config(FOLDER / "table4_2_mid.py", GanConfig).hsr.levels == "mid"
    # DeiT's blocks as they are, DINO's through the last LayerNorm.
    assert not load_config(FOLDER / "table4_1_deit.py", GanConfig).hsr.final_norm and dog.hsr.final_norm
