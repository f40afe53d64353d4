"""Rows of the layers that most PyTorch networks are made of. `path` is the layer's, without its collection."""

from collections.abc import Iterator

from common.weights.networks.table import Row, hwio, same, transposed


def conv(source: str, path: str) -> Iterator[Row]:
    """A convolution without bias."""
    yield Row(f"{source}.weight", f"params/{path}/kernel", hwio)


def dense(source: str, path: str) -> Iterator[Row]:
    """A linear layer with bias."""
    yield Row(f"{source}.weight", f"params/{path}/kernel", transposed)
    yield Row(f"{source}.bias", f"params/{path}/bias", same)


def layer_norm(source: str, path: str) -> Iterator[Row]:
    """Scale and bias."""
    yield Row(f"{source}.weight", f"params/{path}/scale", same)
    yield Row(f"{source}.bias", f"params/{path}/bias", same)


def batch_norm(source: str, path: str) -> Iterator[Row]:
    """Scale, bias and the running statistics."""
    yield from layer_norm(source, path)
    yield Row(f"{source}.running_mean", f"batch_stats/{path}/mean", same)
    yield Row(f"{source}.running_var", f"batch_stats/{path}/var", same)
