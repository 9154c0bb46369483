"""The least memory of an allocation: what the start of a job takes, whatever its rule asks for.

A job is run by a Snakemake of its own, which a limit of 5 MB would not let live. A job that asks for no memory gets what
the cluster gives, and `mem_mb=0` is all of a node in SLURM's words: both stay as they are.
"""

import dataclasses
import math
from collections.abc import Callable

from ..resources import Request


def with_least(one: Request, least_mb: int) -> Request:
    """The request of one job, with at least `least_mb` of memory where it asks for some."""
    if one.mem_mb and one.mem_mb < least_mb:
        return dataclasses.replace(one, mem_mb=least_mb)
    cores = one.cpus * (one.tasks or 1)
    if one.mem_mb_per_cpu and one.mem_mb_per_cpu * cores < least_mb:
        return dataclasses.replace(one, mem_mb_per_cpu=math.ceil(least_mb / cores))
    return one


class LeastMemory:
    """Applies the setting to requests, and reports once per rule that a request was raised."""

    def __init__(self, least_mb: int, tell: Callable[[str], None]):
        self.least_mb, self.tell = least_mb, tell
        self._told: set[str] = set()

    def __call__(self, one: Request) -> Request:
        raised = with_least(one, self.least_mb)
        if raised != one and one.rule not in self._told:
            self._told.add(one.rule)
            asked = f"mem_mb={one.mem_mb}" if one.mem_mb else f"mem_mb_per_cpu={one.mem_mb_per_cpu}"
            self.tell(
                f"Rule {one.rule} asks for {asked}; its jobs get {self.least_mb} MB, which their own Snakemake needs "
                "(--submitit-least-mem-mb)."
            )
        return raised
