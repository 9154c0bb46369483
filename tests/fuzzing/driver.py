"""Run workers over a range of mutants, start another where one dies or hangs, and sum up."""

import multiprocessing
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .verdict import OTHER, REFUSED, SAME
from .worker import work

PATIENCE = 60  # seconds for one mutant, the originals before the first one included
MOST_FAILURES = 200  # after so many there is nothing more to learn


@dataclass
class Summary:
    """How the mutants ended: ends by file, and (number, file, mutation, what went wrong) of the failures."""

    ends: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    failures: list[tuple[int, str, str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, number: int, file: str, mutation: str, end: str) -> None:
        failed = end.startswith("FAILED")
        self.ends[file]["failed" if failed else end] += 1
        if failed:
            self.failures.append((number, file, mutation, end))

    def table(self) -> str:
        names = (REFUSED, SAME, OTHER, "failed")
        lines = [f"{'file':<24}" + "".join(f"{name:>25}" for name in names)]
        total: Counter = Counter()
        for file, ends in sorted(self.ends.items()):
            lines.append(f"{file:<24}" + "".join(f"{ends[name]:>25}" for name in names))
            total.update(ends)
        lines.append(f"{'all':<24}" + "".join(f"{total[name]:>25}" for name in names))
        lines.append(f"{sum(total.values())} mutants in {self.seconds:.0f} s")
        return "\n".join(lines)


def run(seed: int, numbers: range, print_progress: bool = False) -> Summary:
    summary, start = Summary(), time.monotonic()
    try:
        while len(numbers) and len(summary.failures) < MOST_FAILURES:
            numbers = _round(seed, numbers, summary, print_progress)
    except KeyboardInterrupt:
        if not print_progress:
            raise
        print("interrupted: the table is of the mutants that were read", file=sys.stderr)
    summary.seconds = time.monotonic() - start
    return summary


def _round(seed: int, numbers: range, summary: Summary, print_progress: bool) -> range:
    """Run one worker; return the numbers that it left over."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(there, seed, numbers))
    process.start()
    there.close()
    current = None
    try:
        while here.poll(PATIENCE) and (message := here.recv()) is not None:
            if isinstance(message, int):
                current = message
                continue
            summary.add(*message)
            if message[3].startswith("FAILED") and print_progress:
                print(message, flush=True)
            if print_progress and (current + 1) % 500 == 0:
                print(
                    f"{current + 1 - numbers.start} of {len(numbers)}, {len(summary.failures)} failed", file=sys.stderr
                )
            current = None
            if len(summary.failures) >= MOST_FAILURES:
                return numbers[:0]
        if process.is_alive() and not here.poll(0) and current is not None:
            return _give_up(numbers, current, f"FAILED: no end within {PATIENCE} s", summary)
    except EOFError:
        process.join()
        if current is None:
            raise RuntimeError(f"the worker died before a mutant, with status {process.exitcode}") from None
        return _give_up(numbers, current, f"FAILED: the process died with status {process.exitcode}", summary)
    finally:
        process.kill()
        process.join()
    return numbers[:0]


def _give_up(numbers: range, current: int, end: str, summary: Summary) -> range:
    summary.add(current, f"mutant {current}", "", end)
    print(f"mutant {current}: {end}", flush=True)
    return range(current + 1, numbers.stop)
