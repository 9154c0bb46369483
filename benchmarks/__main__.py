"""Run the benchmarks named on the command line, or all of them, and print their tables."""

import importlib
import pkgutil
import sys

import benchmarks

PARTS = {"__main__", "exported", "finished", "hparams", "load", "plain_server", "spending"}  # of benchmarks
APART = {"robustness", "scale", "search", "toys"}  # minutes to days: python -m benchmarks.robustness, .search.table


def main() -> int:
    known = sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in PARTS | APART
    )
    chosen = sys.argv[1:] or known
    unknown = set(chosen) - set(known)
    if unknown:
        print(f"Benchmark(s) {sorted(unknown)} given, known are {known}.", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
