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
    """Layout of one kind of network in checkpoints."""

    name: str
    """Name on the command line."""
    what: str
    """Description in the list of formats."""
    cls: type[nn.Module]
    """Class of the module."""
    marks: tuple[str, ...]
    """Names of arrays, without a prefix, that together only this kind of network has."""
    infer: Callable[..., nn.Module]
    """(arrays, source=file) -> the module with these arrays; raises `InputError` for another network."""
    table: Callable[[Any], Iterable[Row]]
    """module -> one row per array."""
    inputs: Callable[[Any], tuple[Shape, ...]]
    """module -> shapes of inputs that it can be initialised with; None stands for an absent input."""
    ignored: str = "(?!)"
    """Regular expression for the names of arrays that are no part of the module."""
    beside: tuple[str, ...] = ()
    """Names of arrays that belong to the network although they lack its prefix."""
    join: Callable[[StateDict], StateDict] = dict
    """arrays of the file -> arrays with the names in the table; the same arrays by default."""
    split: Callable[[dict[str, np.ndarray], Any], dict[str, np.ndarray]] = lambda arrays, module: arrays
    """(arrays, module) -> arrays of the file; the inverse of `join`."""

    def template(self, module: nn.Module) -> dict:
        """Shapes and dtypes of the module's variables."""
        return shapes(module, *self.inputs(module))

    def variables(
        self, arrays: StateDict, module: nn.Module | None = None, *, source: str = "the state dict"
    ) -> dict[str, Any]:
        """The variables of a network.

        Args:
          arrays: arrays by name, without a prefix.
          module: the module that takes the variables; inferred when absent. It may lack the last layer of the network
            in the file.
          source: the file, for error messages.

        Returns:
          Collections, such as {'params': ..., 'batch_stats': ...}, of float32 numpy arrays.

        Raises:
          InputError: the arrays belong to another network; names all that are missing, unexpected or mis-shaped.
        """
        module = self.infer(arrays, source=source) if module is None else module
        joined = self.join(arrays)
        return convert(joined, self.table(module), self.template(module), ignored=self.ignored, source=source)

    def arrays(self, variables: dict[str, Any], module: nn.Module) -> dict[str, np.ndarray]:
        """The inverse of `variables`: arrays by their names in a checkpoint."""
        return self.split(revert(variables, self.table(module)), module)
