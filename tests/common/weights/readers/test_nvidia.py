"""Tests `common.weights.readers.nvidia` on pickles in the layout of StyleGAN2-ADA's snapshots."""

import numpy as np
import pytest
from examples import source_of
from writers import ORDERED, Built, Call, Name, New, Raw, embedded, module, modules_of, pickled

from common.errors import InputError
from common.nn.stylegan2 import Generator
from common.weights.networks.stylegan2 import ADA
from common.weights.read import flatten, part, read

GENERATOR = Generator(16, z_dim=8, w_dim=8, num_layers=2, channel_base=96, channel_max=12)
MARKS = ("mapping.w_avg", "synthesis.b4.const")
BUFFERS = ("w_avg", "noise_const", "resample_filter")
# What a reader that executes the class's source would leave behind.
SOURCE = "open('executed', 'w')\nimport os\nos.system('touch executed')\n"


def generator_arrays(seed: int) -> tuple[dict, dict]:
    """Variables and the state dict they come from."""
    variables, arrays = source_of("stylegan2-ada", GENERATOR, seed)
    return variables, arrays | {"synthesis.b8.resample_filter": np.ones((4, 4), np.float32)}


def snapshot() -> tuple[bytes, dict, dict]:
    (average, ema), (_, raw) = generator_arrays(0), generator_arrays(1)
    settings = {"class_name": "training.dataset.ImageFolderDataset", "resolution": 16, "max_size": None}
    content = {
        # An empty dict of a class of its own, then SETITEMS.
        "training_set_kwargs": Raw(pickled(New(Name("dnnlib.util", "EasyDict"), ()))[2:-1] + pickled(settings)[3:-1]),
        "G": modules_of(raw, BUFFERS, source=SOURCE),
        "D": modules_of({"b4.out.weight": np.ones((1, 4), np.float32)}, source=SOURCE),
        "G_ema": modules_of(ema, BUFFERS, source=SOURCE, z_dim=8, synthesis_kwargs={"num_fp16_res": 4}),
        "augment_pipe": module({}, {"p": np.zeros((), np.float32)}, {}, SOURCE),
    }
    return pickled(content), average, ema


def test_a_snapshot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, variables, arrays = snapshot()
    (tmp_path / "network.pkl").write_bytes(data)
    tree = read(tmp_path / "network.pkl")
    assert tree["G_ema"]["_init_kwargs"] == {"z_dim": 8, "synthesis_kwargs": {"num_fp16_res": 4}}
    assert tree["training_set_kwargs"]["resolution"] == 16 and tree["augment_pipe"]["p"].shape == ()
    found, prefix = part(flatten(tree), MARKS)
    assert prefix == "G_ema." and found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    converted = ADA.variables(found)
    np.testing.assert_array_equal(converted["stats"]["mapping"]["w_avg"], variables["stats"]["mapping"]["w_avg"])
    assert part(flatten(tree), MARKS, "G")[1] == "G."
    assert [path.name for path in tmp_path.iterdir()] == ["network.pkl"]  # no source was executed


def test_plain_modules_inside(tmp_path):
    """The heads of HSR are in a list of modules, which is no persistent class."""
    state = {
        "_parameters": ORDERED,
        "_buffers": ORDERED,
        "_modules": {"0": module({"weight": np.ones(2, "f4")}, {}, {})},
    }
    inner = Built(New(Name("torch.nn.modules.container", "ModuleList"), ()), state)
    (tmp_path / "network.pkl").write_bytes(pickled({"G": module({}, {"unset": None}, {"feat_transfer_list": inner})}))
    assert list(flatten(read(tmp_path / "network.pkl"))) == ["G.feat_transfer_list.0.weight"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Call(Name("dnnlib.tflib.network", "Network"), ()), "names dnnlib.tflib.network.Network"),
        (Call(Name("training.networks", "Generator"), ()), "names training.networks.Generator"),
        (Built(New(Name("torch.nn.modules.linear", "Linear"), ()), {"_parameters": 3}), "a module without its arrays"),
        (Built(New(Name("torch.nn.modules.linear", "Linear"), ()), 3), "a module without its arrays"),
        (Call(Name("torch._utils", "_rebuild_parameter"), (3, True, ORDERED)), "a parameter without a tensor"),
        (Call(Name("torch.storage", "_load_from_bytes"), (b"PK\x03\x04",)), "unknown format"),
        (Call(Name("torch.storage", "_load_from_bytes"), ("x",)), "unknown format"),
    ],
)
def test_other_contents(value, message, tmp_path):
    (tmp_path / "network.pkl").write_bytes(pickled({"G": value}))
    with pytest.raises(InputError, match=f"network.pkl: .*{message}.*; "):
        read(tmp_path / "network.pkl")


def test_truncated_and_flipped(tmp_path):
    path = tmp_path / "network.pkl"
    data = pickled({"G": module({"weight": np.arange(3, dtype=np.float32)}, {}, {}), "x": embedded(np.ones(2, "f2"))})
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            read(path)
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :])
        try:
            flatten(read(path))
        except InputError as error:
            assert "\n" not in str(error)
    path.write_bytes(data + b"\0")
    with pytest.raises(InputError, match="1 bytes too many"):
        read(path)
