"""All devices form one mesh with a `data` axis: states are replicated, batches are split, and jit does the rest.

Statistics over the batch (BatchNorm, minibatch standard deviation) are global, because jit sees the batch as one array.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from common.errors import InputError


def initialize() -> None:
    """Joins the other processes of the job if the environment says that there are any; call it before using JAX.

    The environment names them by `JAX_COORDINATOR_ADDRESS` with `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`. JAX itself
    finds those of a Slurm step or an Open MPI job of several tasks, and of a TPU pod.
    """
    env = os.environ
    if "JAX_COORDINATOR_ADDRESS" in env and "JAX_NUM_PROCESSES" in env:
        count, index = int(env["JAX_NUM_PROCESSES"]), int(env["JAX_PROCESS_ID"])
        jax.distributed.initialize(env["JAX_COORDINATOR_ADDRESS"], count, index)
        return
    tasks = max(int(env.get(name, 1)) for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"))
    if tasks > 1 or "," in env.get("TPU_WORKER_HOSTNAMES", ""):
        jax.distributed.initialize()


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Mesh of all devices of all processes, or of the given ones, with the axis `data`."""
    devices = jax.devices() if devices is None else list(devices)
    return jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def replicated_sharding(mesh: Mesh) -> NamedSharding:
    """Sharding with the whole array on every device: parameters, optimiser state."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Sharding that splits the first axis over the devices."""
    return NamedSharding(mesh, PartitionSpec("data"))


def check_batch_size(batch_size: int, mesh: Mesh, parts: int = 1) -> None:
    """Raises `InputError` unless the global batch size splits evenly over the devices and, on each, into `parts`."""
    unit = mesh.size * parts
    if batch_size < 1 or batch_size % unit:
        more = f" times {parts}" if parts > 1 else ""
        lower, upper = batch_size // unit * unit, -(-batch_size // unit) * unit
        choices = " or ".join(str(n) for n in sorted({lower, max(upper, unit)}) if n)
        raise InputError(
            f"field batch_size: {batch_size} is not a multiple of {mesh.size} devices{more}; take {choices}"
        )


def put_batch(batch: Any, mesh: Mesh) -> Any:
    """Global arrays [b * processes, ...], split over the devices, of a pytree of this process's numpy arrays [b, ...].

    The copy to the devices is only started, not awaited.

    Raises:
      InputError: the batch does not split evenly over this process's devices.
    """
    sharding = batch_sharding(mesh)
    local = len(sharding.addressable_devices)

    def put(array):
        array = np.asarray(array)
        if array.ndim == 0 or array.shape[0] % local:
            raise InputError(
                f"field batch_size: a batch of shape {array.shape} does not split over the {local} devices of a process"
            )
        return jax.make_array_from_process_local_data(sharding, array)

    return jax.tree.map(put, batch)


def jit_step(step: Callable[..., tuple[Any, Any]], mesh: Mesh, constants: int = 0) -> Callable[..., tuple[Any, Any]]:
    """Compiles a step (state, batch) -> (state, metrics) that donates its state and returns it replicated.

    Args:
      step: a pure function.
      constants: number of further arguments, which are replicated: what the step reads but no checkpoint holds.
    """
    # The result is replicated explicitly: otherwise XLA may leave a parameter split over the devices, and the next step
    # would be compiled again for the new shardings.
    shardings = (replicated_sharding(mesh), batch_sharding(mesh), *[replicated_sharding(mesh)] * constants)
    return jax.jit(step, donate_argnums=0, in_shardings=shardings, out_shardings=replicated_sharding(mesh))


def put_replicated(tree: Any, mesh: Mesh) -> Any:
    """Copies each leaf to all devices of the mesh, unless it is there already."""
    return jax.device_put(tree, replicated_sharding(mesh))
