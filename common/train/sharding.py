"""One mesh of all devices with the axis `data`: states are replicated, batches are split, and jit does the rest.

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
    """Joins the other processes of the job if the environment names any; to be called before JAX is used.

    The variables are `JAX_COORDINATOR_ADDRESS`, `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`. JAX itself finds the
    processes of a Slurm step, of an Open MPI job and of a TPU pod.
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
    """Sharding that keeps the whole array on every device, for parameters and optimiser state."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Sharding that splits the first axis of an array over the devices."""
    return NamedSharding(mesh, PartitionSpec("data"))


def check_batch_size(batch_size: int, mesh: Mesh, parts: int = 1) -> None:
    """Raises `InputError` unless the global batch size is a multiple of the number of devices times `parts`."""
    unit = mesh.size * parts
    if batch_size < 1 or batch_size % unit:
        more = f" times {parts}" if parts > 1 else ""
        lower, upper = batch_size // unit * unit, -(-batch_size // unit) * unit
        choices = " or ".join(str(n) for n in sorted({lower, max(upper, unit)}) if n)
        raise InputError(
            f"field batch_size: {batch_size} is not a multiple of {mesh.size} devices{more}; take {choices}"
        )


def put_batch(batch: Any, mesh: Mesh) -> Any:
    """Pytree of global arrays [b * processes, ...], split over the devices, from this process's numpy arrays [b, ...].

    The call starts the copy to the devices and does not wait for it.

    Raises:
      InputError: b is not a multiple of the number of this process's devices.
    """
    sharding = batch_sharding(mesh)
    local = len(sharding.addressable_devices)

    def put(array):
        array = np.asarray(array)
        if array.ndim == 0 or array.shape[0] % local:
            raise InputError(
                f"field batch_size: a batch of shape {array.shape} is not split evenly by the {local} devices of a "
                f"process; take a multiple of {local}"
            )
        return jax.make_array_from_process_local_data(sharding, array)

    return jax.tree.map(put, batch)


def jit_step(step: Callable[..., tuple[Any, Any]], mesh: Mesh, constants: int = 0) -> Callable[..., tuple[Any, Any]]:
    """Compiles a step (state, batch) -> (state, metrics) that donates its state and returns it replicated.

    Args:
      step: a pure function.
      constants: number of further arguments, which are replicated: values that the step reads and no checkpoint holds.
    """
    # Without explicit shardings of the result, XLA may leave a parameter split over the devices, and the next step
    # would be compiled again for the new sharding.
    shardings = (replicated_sharding(mesh), batch_sharding(mesh), *[replicated_sharding(mesh)] * constants)
    return jax.jit(step, donate_argnums=0, in_shardings=shardings, out_shardings=replicated_sharding(mesh))


def put_replicated(tree: Any, mesh: Mesh) -> Any:
    """Copies each leaf to all devices of the mesh, unless it is already there."""
    return jax.device_put(tree, replicated_sharding(mesh))
