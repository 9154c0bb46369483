"""What Prometheus is told about a server. Base units, `_total` for counters, and no label that a client can choose."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cascada.serving.drift_metrics import drift_metrics
from cascada.serving.engine import Engine
from cascada.serving.http.batcher import Batcher
from cascada.serving.http.errors import REASONS

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SHOWERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cascada_requests", "Requests answered.", ["endpoint", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "cascada_request_seconds", "From request to answer.", ["endpoint"], buckets=SECONDS, registry=self.registry
        )
        self.refused = Counter("cascada_refused", "Requests refused, by reason.", ["reason"], registry=self.registry)
        self.showers = Counter("cascada_showers", "Showers classified.", registry=self.registry)
        self.batch = Histogram(
            "cascada_batch_showers", "Showers computed at a time.", buckets=SHOWERS, registry=self.registry
        )
        self.warnings = Counter(
            "cascada_warnings", "Answers with a warning, by kind.", ["kind"], registry=self.registry
        )
        self.reloads = Counter(
            "cascada_reloads", "Attempts to load another version.", ["outcome"], registry=self.registry
        )
        self.in_flight = Gauge(
            "cascada_requests_in_flight", "Requests that are being read or answered.", registry=self.registry
        )
        for outcome in ("taken", "refused"):
            self.reloads.labels(outcome)
        for reason in REASONS:
            self.refused.labels(reason)
        ProcessCollector(registry=self.registry)
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; what counts it is found once, since finding it costs more than counting."""
        key = endpoint, status
        if key not in self._answered:
            self._answered[key] = self.requests.labels(endpoint, str(status)), self.seconds.labels(endpoint)
        count, duration = self._answered[key]
        count.inc()
        duration.observe(seconds)

    def watch(self, engine: Engine, batcher: Batcher) -> None:
        """Show the state of these two whenever somebody asks."""
        self.registry.register(_State(engine, batcher))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _State(Collector):
    """Figures that are read when they are asked for."""

    def __init__(self, engine: Engine, batcher: Batcher):
        self._engine, self._batcher = engine, batcher

    def collect(self) -> Iterator[Metric]:
        current = self._engine.current
        yield GaugeMetricFamily("cascada_queue_showers", "Showers that wait.", value=self._batcher.showers)
        facts = GaugeMetricFamily(
            "cascada_model_info", "The version that answers.", labels=["version", "configuration", "sha256"]
        )
        facts.add_metric([current.number, str(current.model.content["configuration"]), current.sha256], 1)
        yield facts
        yield GaugeMetricFamily(
            "cascada_model_loaded_timestamp_seconds", "When this version was loaded.", value=current.loaded
        )
        yield GaugeMetricFamily(
            "cascada_model_reload_failed",
            "1 while the folder holds a version that was refused.",
            value=bool(self._engine.trouble),
        )
        yield from drift_metrics(current.window)
        if shadow := self._engine.shadow:
            found = shadow.comparison
            facts = GaugeMetricFamily(
                "cascada_shadow_info", "The version that is tried in the shadow.", labels=["version", "sha256"]
            )
            facts.add_metric([shadow.version.number, shadow.version.sha256], 1)
            yield facts
            yield GaugeMetricFamily(
                "cascada_shadow_largest_difference",
                "Largest absolute difference of the signal's probability.",
                value=found.largest_difference,
            )
            for name, what, value in (
                ("showers", "Showers that the shadow compared.", found.showers),
                ("other_class", "Showers for which the shadow says another class.", found.other_class),
                ("dropped_showers", "Showers that the shadow did not see, since it was busy.", found.dropped),
                ("failed_showers", "Showers for which the shadow failed.", found.failed),
                ("difference", "Sum of the absolute differences of the signal's probability.", found.total_difference),
            ):
                yield CounterMetricFamily(f"cascada_shadow_{name}", what, value=value)
