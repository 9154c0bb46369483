"""What Prometheus is told about what a model gets: shared by the server and the stream."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from cascada.serving.window import STATES, Window


def drift_metrics(window: Window) -> Iterator[Metric]:
    """Gauges of the last showers; only their number while they are too few to judge."""
    found = window.report()
    yield GaugeMetricFamily("cascada_drift_window_showers", "Showers that drift is judged by.", value=found["showers"])
    if not found["enough"]:
        return
    for name, key, what in (
        ("cascada_drift_psi", "psi", "Population stability index against the validation showers."),
        ("cascada_drift_ks", "ks", "Kolmogorov-Smirnov distance."),
        ("cascada_drift_wasserstein", "wasserstein", "Wasserstein distance in standard deviations."),
        ("cascada_drift_shift", "shift", "Shift of the mean in standard deviations."),
        ("cascada_drift_state", "state", "0 steady, 1 moved, 2 moved far."),
    ):
        family = GaugeMetricFamily(name, what, labels=["quantity"])
        for quantity, moved in found["moved"].items():
            family.add_metric([quantity], STATES[moved["state"]] if key == "state" else moved[key])
        yield family
    expected = found["expected"]
    for name, key in (
        ("accuracy", "accuracy"),
        ("accuracy_standard_error", "accuracy_error"),
        ("f1", "f1"),
        ("f1_standard_error", "f1_error"),
    ):
        what = f"Estimated without labels from the calibrated probabilities (CBPE); {found['assumption']}."
        yield GaugeMetricFamily(f"cascada_expected_{name}", what, value=expected[key])
