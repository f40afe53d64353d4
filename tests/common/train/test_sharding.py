"""Tests `common.train.sharding` on eight virtual devices and, once, on two processes."""

import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.errors import InputError
from common.train import sharding

MESH = sharding.make_mesh()


def test_batches_are_split_and_state_is_not():
    batch = sharding.put_batch({"x": np.arange(32.0).reshape(16, 2), "n": np.arange(16)}, MESH)
    assert MESH.axis_names == ("data",) and MESH.size == 8
    assert [shard.data.shape for shard in batch["x"].addressable_shards] == [(2, 2)] * 8
    np.testing.assert_array_equal(batch["n"], np.arange(16))
    state = sharding.put_replicated(np.ones(3), MESH)
    assert [shard.data.shape for shard in state.addressable_shards] == [(3,)] * 8


@pytest.mark.parametrize("size, microbatches, choices", [(12, 1, "8 or 16"), (3, 1, "take 8"), (24, 2, "16 or 32")])
def test_batch_sizes_that_do_not_split(size, microbatches, choices):
    with pytest.raises(InputError, match=rf"field batch_size: {size} is not a multiple of 8 devices.*{choices}"):
        sharding.check_batch_size(size, MESH, microbatches)
    sharding.check_batch_size(16 * microbatches, MESH, microbatches)


def test_a_batch_that_does_not_split():
    with pytest.raises(InputError, match=r"field batch_size: a batch of shape \(12, 2\)"):
        sharding.put_batch(np.zeros((12, 2)), MESH)


def test_a_step_leaves_its_state_where_it_was():
    # Left alone, XLA may split the new kernel like the batch that it comes from.
    step = sharding.jit_step(lambda state, batch: (state + batch.T @ batch, {"loss": batch.sum()}), MESH)
    state = sharding.put_replicated(jnp.zeros((8, 8)), MESH)
    after, _ = step(state, sharding.put_batch(np.ones((16, 8), np.float32), MESH))
    assert after.sharding.is_equivalent_to(sharding.replicated_sharding(MESH), 2) and state.is_deleted()


def test_initialize_alone_does_nothing(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "TPU_WORKER_HOSTNAMES"):
        monkeypatch.delenv(name, raising=False)
    sharding.initialize()
    assert jax.process_count() == 1


PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from common.train import inference, sharding
sharding.initialize()
mesh = sharding.make_mesh()
rows = np.arange(4.0) + 4 * jax.process_index()
batch = sharding.put_batch(rows, mesh)
mean = jax.jit(jnp.mean, out_shardings=sharding.replicated_sharding(mesh))(batch)
backwards = sharding.make_mesh(jax.devices()[::-1])
program = inference.compiled(lambda x: 2 * x, backwards, precision=None)
results = inference.over_rows(program, (), (np.arange(7.0),), backwards, 4)
np.testing.assert_array_equal(inference.gathered(results), 2 * np.arange(7))
index = sharding.put_batch(np.where(rows < 7, rows, -1).astype(np.int32), backwards)
found = inference.on_host(program(sharding.put_batch(rows, backwards)), index)
np.testing.assert_array_equal(found, 2 * np.arange(7))
print(jax.process_count(), mesh.size, batch.shape, float(mean))
"""


def test_two_processes_see_one_batch():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    env = os.environ | {"JAX_COORDINATOR_ADDRESS": f"localhost:{port}", "JAX_NUM_PROCESSES": "2"}
    env["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    env["JAX_PLATFORMS"] = "cpu"
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=env | {"JAX_PROCESS_ID": i}, stdout=-1, text=True)
        for i in ("0", "1")
    ]
    for process in processes:
        assert process.communicate(timeout=60)[0].split("\n")[-2] == "2 4 (8,) 3.5"
