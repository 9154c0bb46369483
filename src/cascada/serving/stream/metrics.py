"""What Prometheus is told about a stream."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cascada.serving.drift_metrics import drift_metrics
from cascada.serving.exposition import expose, registry_of
from cascada.serving.stream.loop import Stream
from cascada.serving.stream.messages import REASONS


class StreamCollector(Collector):
    """Reads a stream's state whenever it is asked."""

    def __init__(self, stream: Stream):
        self._stream = stream

    def collect(self) -> Iterator[Metric]:
        state = self._stream.state()
        yield from _showers(state)
        yield from _answers_on_disk(state)
        yield from self._stations(state)
        yield from self._model(state)

    def _stations(self, state: dict[str, Any]) -> Iterator[Metric]:
        for name, what in (
            ("missing", "Sequence numbers that never came."),
            ("repeated", "Showers that came again."),
            ("restarts", "Restarts of stations."),
        ):
            yield CounterMetricFamily(f"cascada_stream_{name}", what, value=self._stream.stations.total(name))
        known = state["stations"].values()
        yield GaugeMetricFamily("cascada_stream_stations", "Stations that were heard.", value=len(known))
        yield GaugeMetricFamily(
            "cascada_stream_silent_stations",
            "Stations that have fallen silent.",
            value=sum(one["silent"] for one in known),
        )

    def _model(self, state: dict[str, Any]) -> Iterator[Metric]:
        current = self._stream.engine.current
        facts = GaugeMetricFamily("cascada_model_info", "The version that answers.", labels=["version", "sha256"])
        facts.add_metric([current.number, current.sha256], 1)
        yield facts
        yield from drift_metrics(current.window)
        yield GaugeMetricFamily(
            "cascada_model_reload_failed",
            "1 while the folder holds a version that was refused.",
            value=state["trouble"],
        )


def _showers(state: dict[str, Any]) -> Iterator[Metric]:
    """What came, and what became of it."""
    for name, what in (
        ("received", "Showers received."),
        ("answered", "Showers answered."),
        ("dropped", "Showers dropped, since too many waited."),
    ):
        yield CounterMetricFamily(f"cascada_stream_{name}_showers", what, value=state[name])
    yield GaugeMetricFamily("cascada_stream_queue_showers", "Showers that wait.", value=state["waiting"])
    malformed = CounterMetricFamily(
        "cascada_stream_malformed_messages", "Messages that could not be read.", labels=["reason"]
    )
    for reason in REASONS:  # from the beginning, so that the first one is an increase
        malformed.add_metric([reason], state["malformed"].get(reason, 0))
    yield malformed


def _answers_on_disk(state: dict[str, Any]) -> Iterator[Metric]:
    sink = state.get("sink")
    yield GaugeMetricFamily(
        "cascada_stream_sink_failed",
        "1 while answers cannot be written; 0 without a sink, too.",
        value=bool(sink and sink["trouble"]),
    )
    if sink:
        yield GaugeMetricFamily(
            "cascada_stream_unwritten_answers", "Answers that are not in a segment yet.", value=sink["unwritten"]
        )
        yield CounterMetricFamily(
            "cascada_stream_lost_answers", "Answers that the sink let go, since too many waited.", value=sink["lost"]
        )


def serve_metrics(stream: Stream, address: str) -> str:
    """Show them on HOST:PORT, of this machine alone; return the address. Raises ConfigError."""
    registry = registry_of(StreamCollector(stream))
    ProcessCollector(registry=registry)
    return expose(registry, address, "--metrics")[0]
