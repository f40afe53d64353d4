"""How the benchmarks measure: cases, each in a process of its own, so that its peak memory is its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import jax

from common.errors import InputError
from common.terminal import table

Results = dict[str, dict[str, float]]
"""Measured values by case and name."""


def run(module: str, cases: Sequence[str], known: Sequence[str], arguments: Sequence[str] = ()) -> Results:
    """Measures every case by `python -m module --child True --cases CASE`, which prints its values as JSON.

    This process touches no device, for a child may need all of it.

    Args:
      known: names of the cases that there are.
      arguments: further ones of the command.

    Raises:
      InputError: an unknown case.
      SystemExit: a case failed; what it said is on stderr.
    """
    unknown = [case for case in cases if case not in known]
    if unknown:
        raise InputError(f"field cases: no case {unknown[0]!r}; there are {', '.join(known)}")
    results = {}
    for case in cases:
        print(f"measuring {case}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", module, "--child", "True", "--cases", case, *arguments]
        child = subprocess.run(command, capture_output=True, text=True)
        if child.returncode:
            print(child.stderr, file=sys.stderr, end="")
            sys.exit(child.returncode)
        results[case] = json.loads(child.stdout)
    return results


def report(results: Results) -> None:
    """Prints a table and, on the last line, the same as JSON."""
    rows = [[case, name, value] for case, result in results.items() for name, value in result.items()]
    title = f"{jax.device_count()} x {jax.devices()[0].device_kind}, jax {jax.__version__}"
    table(title, ["case", "measure", "value"], rows)
    print(json.dumps(results))


def best_of(call: Callable[[], object], count: int) -> float:
    """Seconds of the fastest of some calls, after one that compiles when there are several."""
    if count > 1:
        jax.block_until_ready(call())
    times = []
    for _ in range(count):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory() -> float:
    """GiB: of the device where it is known, otherwise of the process."""
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return round(peak / 2**30, 2)
