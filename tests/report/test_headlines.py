"""What the first screen of each page says."""

from cascada.report import headlines


def difference(value, low, high):
    return {"f1": {"value": 0.9, "difference": {"value": value, "low": low, "high": high}}}


def sealed(**baselines):
    metric = {"value": 0.95, "low": 0.94, "high": 0.96}
    opening = {"number": 2, "selections": 1}
    return {"f1": metric, "accuracy": metric, "roc_auc": metric, "baselines": baselines, "opening": opening}


def test_the_test_is_compared_with_the_baseline_that_comes_closest():
    found = {heading: (fact, words) for heading, fact, words in headlines.of_test(
        sealed(one=difference(0.03, 0.02, 0.04), gradient_boosting=difference(0.01, -0.002, 0.02)))}  # fmt: skip
    assert found["F1 minus that of the best baseline"] == (
        "0.0100 [-0.0020, 0.0200]", "not distinguishable from gradient boosting"
    )  # fmt: skip
    assert found["F1"][0] == "0.9500 [0.9400, 0.9600]" and found["Openings of the sealed showers"][0] == "2"
    words = [headlines.of_test(sealed(one=difference(value, low, high)))[3][2] for value, low, high in
             ((0.03, 0.02, 0.04), (-0.03, -0.04, -0.02))]  # fmt: skip
    assert words == ["ahead of one", "behind one"] and len(headlines.of_test(sealed())) == 4


def test_behaviour_names_what_is_not_passed():
    probes = [{"name": name, "severity": severity, "verdict": verdict} for name, severity, verdict in
              (("a_b", "gate", "failed"), ("c", "gate", "undecided"), ("d", "gate", "passed"), ("e", "warn", "passed"))]  # fmt: skip
    assert headlines.of_behaviour({"probes": probes}) == [
        ("Gates", "1 of 3 passed", "failed: a b; undecided: c"), ("Warnings", "1 of 1 passed", "all")
    ]  # fmt: skip


def test_costs_say_what_is_known_alone():
    row = {"of": "all", "name": "rules", "wall_hours": "1.5", "gpu_hours": "0.00000", "energy_kwh": "unknown"}
    assert headlines.of_costs([row]) == [("Wall time", "1.50 hours", "of all jobs, one after another")]
    more = [row | {"gpu_hours": "2", "energy_kwh": "0.3"}, row | {"of": "saved", "name": "halving"}]
    assert [one[0] for one in headlines.of_costs(more)] == ["Wall time", "GPU", "Energy", "Saved by halving"]
    assert headlines.of_costs([]) == []


def test_the_model_says_whether_its_exports_agree():
    content = {"model": "lenet", "configuration": "lenet-0", "parameters": 1000, "test": {}}
    check = {"largest_differences": {"model.onnx": {"1": 1e-7, "7": 3e-6}}, "tolerance": 1e-5}
    assert headlines.of_model(content, check)[-1][1:] == (
        "3.0e-06", "largest difference of a probability; 1e-05 is allowed: they agree with PyTorch"
    )  # fmt: skip
    assert headlines.of_model(content, check | {"tolerance": 1e-6})[-1][2].endswith("they differ from PyTorch")
