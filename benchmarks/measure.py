"""Measures the cases of a benchmark, each in a process of its own, so that peak memory is counted per case."""

import dataclasses
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax

from common.config import parse_command
from common.errors import InputError
from common.terminal import print_table

Values = dict[str, Any]
"""Measured values by name."""


@dataclasses.dataclass(frozen=True)
class Bench:
    """Options of every benchmark."""

    cases: tuple[str, ...]
    """Names of the cases to measure."""
    child: bool = False
    """Whether to measure a single case in this process and print JSON; the command sets it for its own processes."""


def command(module: str, default: Bench, measure: Callable[[Any], Values], argv: Sequence[str] | None = None) -> None:
    """Runs the command `python -m module`: measures the cases and prints a table and JSON.

    Args:
      module: name of the benchmark's module.
      default: options that name all cases.
      measure: (options with one case) -> its values; called in the case's own process.
      argv: command line without the program's name; None takes that of the process.

    Raises:
      InputError: an unknown case.
      SystemExit: a case failed; its error is on stderr.
    """
    options = parse_command(argv, default=default)[0]
    if options.child:
        print(json.dumps(measure(options)))
        return
    for case in options.cases:
        if case not in default.cases:
            raise InputError(f"field cases: no case {case!r}; there are {', '.join(default.cases)}")
    # This process does not use the device before the report, because a child may need all of its memory.
    results = {
        case: _in_child(module, dataclasses.replace(options, cases=(case,), child=True)) for case in options.cases
    }
    report(f"{jax.device_count()} x {jax.devices()[0].device_kind}, jax {jax.__version__}", "case", results)


def _in_child(module: str, options: Bench) -> Values:
    """Measures one case by `python -m module --child True --cases CASE ...`."""
    print(f"measuring {options.cases[0]}", file=sys.stderr, flush=True)
    arguments = []
    for name, value in dataclasses.asdict(options).items():
        arguments += [f"--{name}", *map(str, value if isinstance(value, tuple) else [value])]
    child = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if child.returncode:
        print(child.stderr, file=sys.stderr, end="")
        sys.exit(child.returncode)
    return json.loads(child.stdout)


def report(title: str, key: str, results: dict[str, Values]) -> None:
    """Prints results as a table, whose first column is titled `key`, and as JSON on the last line."""
    rows = [[case, name, value] for case, values in results.items() for name, value in values.items()]
    print_table(title, [key, "measure", "value"], rows)
    print(json.dumps(results))


def best_of(call: Callable[[], object], count: int) -> float:
    """Seconds of the fastest of `count` calls. Several calls follow one that is not timed, because it compiles."""
    if count > 1:
        jax.block_until_ready(call())
    times = []
    for _ in range(count):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory() -> float:
    """Peak memory in GiB: the device's if it reports one, otherwise the process's."""
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return round(peak / 2**30, 2)
