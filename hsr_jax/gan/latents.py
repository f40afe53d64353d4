"""The two halves of a trained generator as pure functions: z -> w and ws -> image, with the stored noise."""

from typing import Any

from jax import Array

from common.nn.stylegan2 import Generator


def mapping(generator: Generator, variables: Any, z: Array, c: Array | None, psi: Array) -> Array:
    """z [B, z_dim] -> w [B, w_dim], one row that stands for all layers; `psi` [] truncates all of them."""
    return generator.apply(variables, z, c, psi, method=lambda g, *a: g.mapping(*a)[0])[:, 0]


def synthesis(generator: Generator, variables: Any, ws: Array) -> tuple[Array, dict[str, Array]]:
    """ws [B, num_ws, w_dim] -> images [B, R, R, 3], about [-1, 1], and features."""
    return generator.apply(variables, ws, method=lambda g, ws: g.synthesis(ws))
