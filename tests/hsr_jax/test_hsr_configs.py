"""Tests that every row of HSR's tables builds its networks and has the thesis' settings."""

import functools

import jax
import pytest

from common.config import config_diff, load_config
from common.pretrained.extractor import DINO_LAYERS
from common.tables import load_tables
from configs.hsr import paper
from hsr_jax import build
from hsr_jax.config import GanConfig, NetworksConfig, check
from hsr_jax.gan import regularizer
from hsr_jax.published import CONFIGS

TABLES = load_tables(CONFIGS)
ADDRESSES = [f"{CONFIGS}/{path.name}:{row}" for path, table in TABLES.items() for row in table.rows]


@functools.cache
def values(sizes: NetworksConfig, resolution: int) -> tuple[int, int]:
    """Numbers of parameters of generator and discriminator; cached, because most rows share them."""
    config = GanConfig(networks=sizes)
    assert config.data.resolution == resolution
    count = lambda tree: sum(x.size for x in jax.tree.leaves(tree["params"]))
    return tuple(count(tree) for tree in build.shapes(build.build_gan(config)))


@pytest.mark.parametrize("address", [*ADDRESSES, "configs/hsr/mtfl64_cpu.py", "configs/hsr/mtfl64_cpu.py:hsr"])
def test_a_config_loads_and_builds_its_networks(address):
    config = load_config(address, GanConfig)
    check(config)
    if "table" in address:
        assert values(config.networks, config.data.resolution) == (24_767_458, 24_001_089)
        if config.hsr.extractor != "none":
            assert regularizer.pair(regularizer.BLOCKS, DINO_LAYERS, config.hsr.levels)
            assert config.hsr.image_size == 224 and config.hsr.start_kimg == 500


def test_every_run_belongs_to_one_row_and_all_rows_of_a_table_have_its_metrics():
    assert {table.name: len(table.rows) for table in TABLES.values()} == {
        "4.1": 6,
        "4.2": 5,
        "4.3": 4,
        "4.4": 4,
        "4.5": 12,
        "ALS": 2,
    }
    runs: dict[str, tuple] = {}
    for path, table in TABLES.items():
        assert len({tuple(row.published) for row in table.rows.values()}) == 1
        for name, row in table.rows.items():
            # A run is named after its row, or after a row of Table 4.5 that it shares.
            assert row.run == f"{path.stem}/{name}" or row.run.startswith("table4_5/")
            config, published = runs.setdefault(row.run, (row.config, dict(row.published)))
            assert config == row.config
            assert all(row.published.get(metric, value) == value for metric, value in published.items())
    assert len(runs) == 25


def test_a_baseline_and_its_row_with_hsr_differ_in_the_extractor_only():
    for name in ("table4_3.py:church", "table4_5.py:cub", "table4_5.py:ffhq2k"):
        base, hsr = (load_config(f"{CONFIGS}/{name}{end}", GanConfig) for end in ("", "_hsr"))
        assert set(config_diff(base, hsr)) == {"workdir", "hsr.extractor"}
        assert (base.hsr.extractor, hsr.hsr.extractor) == ("none", paper.VIT_DINO)


def test_the_papers_settings():
    load = lambda name: load_config(f"{CONFIGS}/{name}", GanConfig)
    dog, full = load("table4_5.py:dog_hsr"), load("table4_3.py:ffhq")
    for config in (dog, full):
        assert (config.batch_size, config.data.mirror, config.data.resolution) == (16, True, 256)
        assert (config.losses.r1_gamma, config.losses.path_length_weight, config.schedule.ema_kimg) == (1.0, 2.0, 20.0)
    assert (dog.ada.mode, full.ada.mode) == ("adaptive", "none")
    assert (dog.hsr.levels, dog.hsr.activation, dog.hsr.hidden) == ("all", "leaky_relu", 4096)
    assert load("table4_5.py:ffhq10k").data.max_images == 10_000 and full.data.max_images == 0
    assert load("table4_4.py:hsr").losses.path_length_weight == 0
    assert load("table4_2.py:mid").hsr.levels == "mid"
    # Only DINO's features go through the last LayerNorm, not DeiT's.
    assert not load("table4_1.py:deit").hsr.final_norm and dog.hsr.final_norm
