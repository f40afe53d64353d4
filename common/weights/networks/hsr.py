"""Generators of public HSR snapshots with their heads -> `common.nn.hsr_heads.GeneratorWithHeads`.

In the generator's state dict, `synthesis.feat_transfer_list.{i}.conv1x1_{1,2}` is the head of the block of 8 * 2^i px.
All other arrays belong to a StyleGAN2-ADA generator.
"""

import re
from collections.abc import Iterator

from common.nn.hsr_heads import GeneratorWithHeads, Heads
from common.weights.networks import stylegan2
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, below, conv, numbers, shapes_of

PREFIX = "synthesis.feat_transfer_list."


def infer(arrays: StateDict, *, source: str = "the state dict") -> GeneratorWithHeads:
    """The generator and the heads with these arrays; the heads have the ReLU of the public code."""
    count = 1 + max(numbers(arrays, rf"{re.escape(PREFIX)}(\d+)\..*"), default=0)
    names = [f"{PREFIX}{i}.conv1x1_2.weight" for i in range(count)]
    shapes = shapes_of(arrays, names, source=source, what="an HSR generator with all its heads")
    features, blocks = tuple(shape[0] for shape in shapes), tuple(8 << i for i in range(count))
    heads = Heads(features, blocks, hidden=shapes[0][1], activation="relu")
    return GeneratorWithHeads(stylegan2.infer_ada(arrays, source=source), heads)


def table(module: GeneratorWithHeads) -> Iterator[Row]:
    """The rows of generator and heads."""
    yield from below("generator", stylegan2.ada_table(module.generator))
    yield from below("heads", head_table(module.heads))


def head_table(heads: Heads) -> Iterator[Row]:
    """The rows of the heads alone, numbered from the coarsest block."""
    for i, block in enumerate(heads.blocks):
        for layer in (1, 2):
            yield from conv(f"{PREFIX}{i}.conv1x1_{layer}", f"b{block}/conv{layer}", bias=True)


HSR = Format(
    "hsr",
    "generator of an HSR snapshot with its training heads",
    GeneratorWithHeads,
    marks=(f"{PREFIX}0.conv1x1_1.weight", "synthesis.b4.const"),
    infer=infer,
    table=table,
    inputs=lambda module: stylegan2.ADA.inputs(module.generator),
    ignored=r".*\.resample_filter",
)
