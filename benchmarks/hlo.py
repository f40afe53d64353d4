"""Reads exchanges between devices, loops and XLA's estimate of the time from the text of a compiled program."""

import collections
import re
from typing import NamedTuple

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")


class Estimate(NamedTuple):
    """Time of one run of a program on one device."""

    cycles: int
    """Clock cycles, summed over the instructions for which XLA has an estimate; 0 on backends without estimates."""
    turns: int
    """Number of turns of all loops; each turn waits for the one before it."""

    def plus(self, other: "Estimate", times: int = 1) -> "Estimate":
        """Sum of this estimate and `times` the other one."""
        return Estimate(self.cycles + times * other.cycles, self.turns + times * other.turns)


def collectives(text: str) -> dict[str, int]:
    """Number of instructions by kind that exchange arrays between devices; one may exchange many arrays."""
    # An asynchronous exchange is a pair of instructions; only its start is counted.
    found = re.findall(rf"[ )}}]({'|'.join(COLLECTIVES)})(?:-start)?\(", text)
    return dict(sorted(collections.Counter(found).items()))


def estimate(text: str) -> Estimate:
    """Estimated time of a program for a TPU, whose instructions carry `estimated_cycles`.

    The body of a loop that counts to a constant is multiplied by its number of turns, and a condition has the time of
    its slowest branch. (`cost_analysis()['optimal_seconds']` does neither, and adds -1 s per instruction without an
    estimate.)
    """
    computations, entry = _computations(text)
    done: dict[str, Estimate] = {}

    def total(name: str) -> Estimate:
        if name not in done:
            result = Estimate(0, 0)
            for line in computations[name]:
                cycles = re.search(r'"estimated_cycles":"(\d+)"', line)
                result = result.plus(Estimate(int(cycles[1]) if cycles else 0, 0))
                result = result.plus(inner(line))
            done[name] = result
        return done[name]

    def inner(line: str) -> Estimate:
        if loop := re.search(r" while\(.*condition=%([\w.-]+), body=%([\w.-]+)", line):
            turns = _turns(computations[loop[1]])
            return Estimate(0, turns).plus(total(loop[2]), turns)
        if branches := re.search(r" conditional\(.*branch_computations=\{([^}]*)\}", line):
            return max(total(name.strip().lstrip("%")) for name in branches[1].split(","))
        if called := re.search(r" call\(.*to_apply=%([\w.-]+)", line):
            return total(called[1])
        return Estimate(0, 0)

    return total(entry)


def _computations(text: str) -> tuple[dict[str, list[str]], str]:
    """Lines of each computation by its name, and the name of the computation where the program starts."""
    computations, entry, name = {}, "", ""
    for line in text.splitlines():
        if head := re.match(r"(ENTRY )?%([\w.-]+) \(.*\{$", line):
            name = head[2]
            computations[name] = []
            entry = name if head[1] else entry
        elif line.startswith("  "):
            computations[name].append(line)
    return computations, entry


def _turns(condition: list[str]) -> int:
    """Number of turns of a loop whose counter goes from 0 up to a constant; 1 for any other condition."""
    limits = [int(n) for line in condition for n in re.findall(r" s32\[\]\S* constant\((\d+)\)", line)]
    counts = any("direction=LT" in line for line in condition)
    return limits[0] if counts and len(limits) == 1 else 1
