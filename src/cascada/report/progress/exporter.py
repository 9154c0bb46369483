"""The state of a search for Prometheus: `cascada status --serve`. The same files as `cascada status` are read, at most once in `EVERY` seconds."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cascada.report.progress.status import SearchStatus, TrialStatus, collect
from cascada.serving.exposition import expose, registry_of

EVERY = 2.0  # s
TRIAL = ("configuration", "seed", "epochs")
# of a running trial: metric, what it is, key of `usage` (or of the trial), and factor to the base unit
OF_TRIAL = (
    ("cascada_trial_done_ratio", "Share of its epochs that a trial has done.", "fraction", 1.0),
    ("cascada_trial_seconds_left", "Time left by the trial's own speed.", "seconds_left", 1.0),
    ("cascada_trial_cpu_ratio", "Processor of the trial; 1 is one core.", "cpu_percent", 0.01),
    ("cascada_trial_memory_bytes", "Memory of the trial's process.", "memory_mb", float(1 << 20)),
    ("cascada_trial_gpu_utilization_ratio", "Load of the trial's GPU.", "gpu_percent", 0.01),
    ("cascada_trial_gpu_memory_bytes", "Memory that the trial has taken on its GPU.", "gpu_memory_mb", float(1 << 20)),
)


class SearchCollector(Collector):
    """Reads `results` whenever it is asked, but not more often than every two seconds."""

    def __init__(self, results: Path):
        self._results = results
        self._read: tuple[float, SearchStatus] | None = None

    def _status(self) -> SearchStatus:
        now = time.monotonic()
        if self._read is None or now - self._read[0] > EVERY:
            self._read = (now, collect(self._results))
        return self._read[1]

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        states = GaugeMetricFamily("cascada_search_trials", "Trials of the search by state.", labels=["state"])
        for state, number in status.counts.items():
            states.add_metric([state], number)
        yield states
        if status.expected is not None:
            yield GaugeMetricFamily(
                "cascada_search_expected_trials", "Trials that the search has planned.", value=status.expected
            )
        if status.seconds_left is not None:
            yield GaugeMetricFamily(
                "cascada_search_seconds_left", "Time left by the trials' own speed.", value=status.seconds_left
            )
        yield GaugeMetricFamily(
            "cascada_search_failures",
            "Trials that have a log, no result, and are not at work (five at most).",
            value=len(status.failures),
        )
        yield from _best(status)
        yield from _trials([trial for trial in status.trials if trial.state in ("running", "silent")])
        yield from self._disk()

    def _disk(self) -> Iterator[Metric]:
        found = shutil.disk_usage(self._results)
        yield GaugeMetricFamily(
            "cascada_results_disk_free_bytes", "Free space where the results are.", value=found.free
        )
        yield GaugeMetricFamily(
            "cascada_results_disk_size_bytes", "Size of the file system where the results are.", value=found.total
        )


def _best(status: SearchStatus) -> Iterator[Metric]:
    value = GaugeMetricFamily(
        "cascada_search_best", "Best validation metric so far; it looks better than it is.", labels=["metric"]
    )
    error = GaugeMetricFamily(
        "cascada_search_best_standard_error", "Its standard error by the number of showers.", labels=["metric"]
    )
    for metric, best in status.best.items():
        if best is not None:
            value.add_metric([metric], best.value)
            if metric in ("f1", "accuracy") and best.standard_error is not None:
                error.add_metric([metric], best.standard_error)
    yield value
    yield error


def _trials(trials: list[TrialStatus]) -> Iterator[Metric]:
    for name, what, key, factor in OF_TRIAL:
        family = GaugeMetricFamily(name, what, labels=TRIAL)
        for trial in trials:
            value = getattr(trial, key, None) if hasattr(trial, key) else (trial.usage or {}).get(key)
            if value is not None:
                family.add_metric([trial.configuration, str(trial.seed), str(trial.epochs)], value * factor)
        yield family


def serve_status(results: Path, address: str) -> tuple[str, threading.Thread]:
    """Show the metrics on HOST:PORT of this machine; return the address, and the thread that answers. Raises ConfigError, CascadaError."""
    collect(results)  # a folder that is none is said now
    return expose(registry_of(SearchCollector(results)), address, "--serve")
