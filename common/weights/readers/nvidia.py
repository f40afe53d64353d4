"""NVIDIA's pickles of StyleGAN2-ADA: a dict of `G`, `D`, `G_ema`, the augmentation pipe and settings.

Each network is written with the source text of its class, which the official reader executes. Here the text is dropped
and the state of the object is kept: a module becomes a dict of its parameters, buffers and inner modules by name, with
the arguments of its constructor as `_init_kwargs`.
"""

import io
from typing import Any

from common.errors import damaged, refused
from common.weights.readers import safe_pickle
from common.weights.readers.inert import Inert, constructors, mapping, plain
from common.weights.readers.torch_files import storage_from_bytes
from common.weights.readers.torch_tensors import TENSOR_NAMES

CONTAINERS = ("ModuleList", "ModuleDict", "Sequential")
LAYERS = (
    ("activation", "LeakyReLU"),
    ("activation", "ReLU"),
    ("batchnorm", "BatchNorm2d"),
    ("conv", "Conv2d"),
    ("linear", "Identity"),
    ("linear", "Linear"),
)


def read(data: bytes) -> Any:
    """The content of a pickle, as arrays and plain dicts: {'G_ema': {'synthesis': {'b4': {'const': ...}}}, ...}.

    Raises:
      Unreadable: damaged or refused.
    """
    file = io.BytesIO(data)
    value = safe_pickle.load(file, NAMES)
    if file.tell() != len(data):
        raise damaged(f"{len(data) - file.tell()} bytes too many")
    return plain(value)


class Module(Inert):
    """A PyTorch module of any class; its state is the dict of its attributes."""

    def __init__(self):
        self.state: dict = {}

    def build(self, state: Any) -> None:
        if type(state) is not dict:
            raise damaged("a module without its arrays")
        self.state = state

    def value(self) -> dict[str, Any]:
        parts = [self.state.get(part, {}) for part in ("_parameters", "_buffers", "_modules")]
        if any(type(part) is not dict for part in parts):
            raise damaged("a module without its arrays")
        arrays = {name: value for part in parts for name, value in part.items() if value is not None}
        arguments = self.state.get("_init_kwargs")
        return arrays if arguments is None else arrays | {"_init_kwargs": arguments}


def persistent(meta: Any) -> Module:
    """`_reconstruct_persistent_obj`: {'type': 'class', 'class_name': ..., 'module_src': ..., 'state': ...}."""
    if type(meta) is not dict or meta.get("type") != "class" or type(meta.get("state")) is not dict:
        raise refused("holds a persistent object that is no instance of a class")
    module = Module()
    module.build(meta["state"])
    return module


NAMES = TENSOR_NAMES | constructors(
    {
        ("torch.storage", "_load_from_bytes"): storage_from_bytes,
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): persistent,
        ("dnnlib.util", "EasyDict"): mapping,
        **{("torch.nn.modules.container", name): Module for name in CONTAINERS},
        **{(f"torch.nn.modules.{file}", name): Module for file, name in LAYERS},
    }
)
