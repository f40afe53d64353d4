"""Training step on the host, which runs the phases that are due; each phase is a compiled program."""

from typing import Any

from common.train import sharding
from hsr_jax.gan.phases import Batch, Metrics, Phases
from hsr_jax.gan.state import GANState


class Step:
    """Callable (state, batch) -> (state, metrics) for a loop that takes a compiled step; never waits for the device.

    Each phase is a separate program, because the regularisations are due only in every 4th or 16th batch and the
    semantic regularizer starts late. A phase is compiled when it is first due, and donates the state. The metrics are
    those of the phases that were due.
    """

    def __init__(self, phases: Phases, hsr_start: int = 0, extractor: Any = None):
        """Prepares the programs.

        Args:
          hsr_start: number of batches before the semantic regularizer starts, if `phases` has one.
          extractor: variables of the regularizer's frozen network.
        """
        self._phases, self._hsr_start = phases, hsr_start
        names = ("g_main", "g_reg", "d_main", "d_reg", "finish")
        self._programs = {name: sharding.jit_step(getattr(phases, name), phases.mesh) for name in names}
        extractor = sharding.put_replicated(extractor, phases.mesh)
        hsr = sharding.jit_step(phases.g_main_hsr, phases.mesh, constants=1)
        self._programs["g_main_hsr"] = lambda state, batch: hsr(state, batch, extractor)
        self._done: int | None = None

    def due(self, step: int) -> list[str]:
        """Names of the phases of batch number `step`, counted from 0, in their order."""
        losses, schedule = self._phases.losses, self._phases.schedule
        hsr = self._phases.semantic_loss is not None and step >= self._hsr_start
        g_reg = ["g_reg"] if losses.path_length_weight and step % schedule.g_interval == 0 else []
        d_reg = ["d_reg"] if losses.r1_gamma and step % schedule.d_interval == 0 else []
        return ["g_main_hsr" if hsr else "g_main", *g_reg, "d_main", *d_reg, "finish"]

    def __call__(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """Runs the phases that are due for the batch; state and batch must lie on the mesh.

        Each call must get the state that the previous call returned. Only the first call reads the number of completed
        batches from the state, so that a resumed run continues its schedule; later calls count themselves.
        """
        if self._done is None:
            self._done = int(state.step)
        metrics: dict[str, Any] = {}
        for name in self.due(self._done):
            state, new = self._programs[name](state, batch)
            metrics |= new
        self._done += 1
        return state, metrics
