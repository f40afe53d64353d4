"""The description of a checkpoint layout: how it is recognised, and how its arrays become variables and back."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import flax.linen as nn
import numpy as np

from common.weights.networks.table import Row, StateDict, convert, revert, shapes

Shape = tuple[int, ...] | None


@dataclasses.dataclass(frozen=True)
class Format:
    """One layout of one kind of network."""

    name: str
    what: str
    """Description for the list of formats."""
    cls: type[nn.Module]
    """Class of the module."""
    marks: tuple[str, ...]
    """Array names, without a prefix, that tell this network from others."""
    infer: Callable[..., nn.Module]
    """(arrays, source=file) -> the module whose arrays these are; raises `InputError` for another network."""
    table: Callable[[Any], Iterable[Row]]
    """module -> rows of its arrays."""
    inputs: Callable[[Any], tuple[Shape, ...]]
    """module -> shapes of inputs that it can be initialised with; None stands for an absent one."""
    ignored: str = "(?!)"
    """Regular expression for the names of arrays that are no part of the module."""
    beside: tuple[str, ...] = ()
    """Names of arrays that belong to the network but lie outside its prefix."""
    join: Callable[[StateDict], StateDict] = dict
    """Brings arrays into the names of the table, where these are not the file's."""
    split: Callable[[dict[str, np.ndarray], Any], dict[str, np.ndarray]] = lambda arrays, module: arrays
    """(arrays, module) -> arrays; the inverse of `join`."""

    def template(self, module: nn.Module) -> dict:
        """Shapes and dtypes of the module's variables."""
        return shapes(module, *self.inputs(module))

    def variables(
        self, arrays: StateDict, module: nn.Module | None = None, *, source: str = "the state dict"
    ) -> dict[str, Any]:
        """The variables of a network.

        Args:
          arrays: arrays by name, without a prefix.
          module: the module that the variables are for; inferred when absent. One without the last layer of the
            network in the file gets the others.
          source: the file, for error messages.

        Returns:
          Collections, such as {'params': ..., 'batch_stats': ...}, of float32 numpy arrays.

        Raises:
          InputError: the arrays are of another network, or all missing, unexpected and mis-shaped names.
        """
        module = self.infer(arrays, source=source) if module is None else module
        joined = self.join(arrays)
        return convert(joined, self.table(module), self.template(module), ignored=self.ignored, source=source)

    def arrays(self, variables: dict[str, Any], module: nn.Module) -> dict[str, np.ndarray]:
        """The inverse of `variables`: arrays in the layout's names."""
        return self.split(revert(variables, self.table(module)), module)
