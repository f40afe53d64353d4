"""Every configuration loads, and there is one for every cell of the paper's tables."""

from pathlib import Path

import pytest

from common.config import load_config
from fase_jax.config import FaseConfig
from fase_jax.transfer import transfer_places

FOLDER = Path(__file__).parents[2] / "configs" / "fase"
FILES = sorted(path for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "small"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_loads_and_fits_its_model(path):
    config = load_config(path, FaseConfig)
    sizes = config.model
    places = transfer_places(sizes.feature_resolution, sizes.heatmap_size, sizes.num_itls, sizes.placement)
    assert len(places) == sizes.num_itls
    if path.stem.startswith("table"):
        # The file's name, the work directory and the command in its text are one.
        assert config.workdir == f"runs/fase/{path.stem}"
        assert f"configs/fase/{path.stem}.py" in path.read_text()


def test_every_cell_of_the_tables_has_a_config():
    names = {path.stem for path in FILES}
    for dataset in ("w300", "wflw"):
        for size in ("100pct", "10pct", "50"):
            assert f"table6_{dataset}_{size}_frozen" in names
            assert {f"table7_{dataset}_{size}_itl{i}" for i in range(1, 7)} <= names
    assert {"table1_w300", "table1_wflw", "table2_aflw"} <= names
    assert {f"table3_wflw_{size}" for size in ("20pct", "10pct", "5pct", "50")} <= names
    assert {f"table4_w300_{size}" for size in ("20pct", "10pct", "5pct", "50")} <= names
    assert {f"table5_aflw_{size}" for size in ("20pct", "10pct", "5pct", "1pct", "50")} <= names


def test_a_paper_config_is_the_papers():
    config = load_config(FOLDER / "table7_wflw_50_itl3.py", FaseConfig)
    o = config.optimizer
    assert (config.steps, config.batch_size, o.itl_lr, o.encoder_lr) == (200_000, 8, 1e-4, 2e-5)
    assert (o.b1, o.b2, o.decay, o.decay_epochs) == (0.9, 0.99, 0.995, 10)
    assert (config.data.num_labels, config.model.num_itls, config.model.heatmap_size) == (50, 3, 128)
