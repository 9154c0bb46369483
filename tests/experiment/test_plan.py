"""The costs of a search against numbers reckoned by hand."""

import json

import pytest

from cascada.experiment.plan import Earlier, Span, Workplace, as_json, line, make, stages, summarize, training_showers

HOUR_PER_EPOCH = 3600 / 1000  # seconds per shower, with a thousand showers


def earlier(model, device="cpu", hours=1.0, start=0.0, megabytes=10.0, files=5):
    seconds = HOUR_PER_EPOCH * hours
    return Earlier(model, device, 4, Span(seconds, seconds / 2, seconds * 2), start, megabytes, files)


def plan(families=None, rungs=(2, 4, 12), rescore=None, known=None, seeds=1, showers=1000, **workplace):
    families = families or {"lenet": 12, "cae": 12}
    known = [earlier("lenet"), earlier("cae", hours=10.0)] if known is None else known
    return make("demo", families, seeds, list(rungs), rescore, showers, known, Workplace(**workplace))


def test_the_demonstration_in_trials_and_epochs():
    made = plan(rescore={"top": 2, "seeds": [2]})
    assert [(s.name, s.configurations, s.trials, s.start, s.epochs, s.trial_epochs) for s in made.stages] == [
        ("rung 1", 24, 24, 0, 2, 48), ("rung 2", 12, 12, 2, 4, 24), ("rung 3", 4, 4, 4, 12, 32),
        ("finalists", 2, 2, 0, 12, 24),
    ]  # fmt: skip
    assert (made.trials, made.trial_epochs, made.full_trial_epochs) == (42, 128, 24 * 12 + 24)
    assert [stage.decided for stage in made.stages] == [False, True, True, True]


def test_without_halving_nothing_is_an_upper_bound():
    made = plan(rungs=[12], seeds=3)
    assert (made.trials, made.trial_epochs, made.full_trial_epochs, made.bounded) == (72, 864, 864, False)
    assert [stage.name for stage in stages(4, 1, [12])] == ["search"]


def test_hours_are_those_of_the_slowest_that_may_go_on():
    costs = plan().devices["cpu"]
    assert [cost.hours.median for cost in costs] == [12 * 2 * 1 + 12 * 2 * 10, 12 * 2 * 10, 4 * 8 * 10]
    assert (costs[0].hours.low, costs[0].hours.high) == (132, 528)
    # more go on than the slowest family has
    costs = plan({"lenet": 22, "cae": 2}).devices["cpu"]
    assert costs[1].hours.median == 2 * 2 * 10 + 10 * 2 * 1


def test_the_start_of_every_training_counts():
    costs = plan({"lenet": 24}, known=[earlier("lenet", start=1800.0)]).devices["cpu"]
    assert [cost.hours.median for cost in costs] == [24 * 2.5, 12 * 2.5, 4 * 8.5]


def test_elapsed_hours_on_several_gpus():
    known = [earlier("lenet", "A100")]
    one = plan({"lenet": 8}, rungs=[2], known=known).devices["A100"][0]
    assert (one.hours.median, one.elapsed_hours, one.gpu_hours) == (16, 16, 16)
    four = plan({"lenet": 8}, rungs=[2], known=known, gpus=4).devices["A100"][0]
    assert (four.elapsed_hours, four.gpu_hours) == (16 / 4 + 2 * 3 / 4, 16)
    packed = plan({"lenet": 8}, rungs=[2], known=known, gpus=2, concurrent=2, pack=4)
    assert (packed.devices["A100"][0].elapsed_hours, packed.devices["A100"][0].gpu_hours) == (5.5, 8)
    assert packed.allocations == 2


def test_what_is_not_known_is_unknown():
    made = plan(known=[earlier("lenet"), earlier("lenet", "A100"), earlier("cae", "A100")])
    assert {cost.unknown for cost in made.devices["cpu"]} == {("cae",)}
    assert all(cost.hours is None for cost in made.devices["cpu"])
    assert all(cost.hours is not None for cost in made.devices["A100"])
    assert plan(known=[]).devices == {}
    assert plan(known=[]).files is None
    assert all(cost.hours is None for cost in plan(showers=None).devices["cpu"])


def test_files_and_space_follow_from_what_trials_left():
    made = plan(
        {"lenet": 10, "cae": 10},
        rungs=[12],
        known=[earlier("lenet", megabytes=10, files=5), earlier("cae", megabytes=30, files=7)],
    )
    assert (made.files, made.gigabytes) == (120, pytest.approx(0.4))


def test_a_family_without_trials_is_weighed():
    arguments = (
        "demo",
        {"lenet": 10, "cae": 10},
        1,
        [12],
        None,
        1000,
        [earlier("lenet", megabytes=10, files=7)],
        Workplace(),
    )
    made = make(*arguments, weights={"cae": 30.0})
    assert (made.files, made.gigabytes, made.weighed) == (150, pytest.approx(0.1 + 5 * 0.3), ("cae",))
    assert make(*arguments).files is None


def test_what_earlier_trials_showed():
    trial = {
        "model": "lenet",
        "device": "cpu",
        "training_seconds": 10.0,
        "wall_seconds": 12.0,
        "megabytes": 1.0,
        "files": 5,
    }
    trials = [trial | {"samples_per_second": speed} for speed in (100.0, 200.0, 400.0)]
    trials += [trial | {"samples_per_second": 0.0}, trial | {"samples_per_second": 50.0, "device": "A100"}]
    cpu, gpu = sorted(summarize(trials), key=lambda one: one.device, reverse=True)
    assert cpu == Earlier("lenet", "cpu", 3, Span(0.005, 0.0025, 0.01), 2.0, 1.0, 5)
    assert (gpu.device, gpu.trials, gpu.seconds_per_shower.median) == ("A100", 1, 0.02)


def test_showers_of_an_epoch():
    split = {"validation": 0.2, "test": 0.25}
    source = {"kind": "surrogate", "showers": {"proton": 3000, "iron": 3000}}
    assert training_showers({"sources": {"a": source}, "split": split}) == 3300
    assert training_showers({"sources": {"a": source, "b": {"kind": "corsika7"}}, "split": split}) is None


def test_the_line_of_the_dry_run():
    text = line(plan(rescore={"top": 2, "seeds": [2]}))
    assert text.startswith(
        "The search: 24 configurations, at most 42 trainings, 128 epochs, 41% of the full search; 1,064 h on cpu"
    )
    assert "time unknown" in line(plan(known=[]))


def test_a_plan_is_plain_values():
    content = json.loads(json.dumps(as_json(plan())))
    assert content["trial_epochs"] == 104
    assert content["devices"]["cpu"][2]["hours"]["median"] == 320
