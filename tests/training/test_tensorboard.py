"""TensorBoard, read back with TensorBoard's own readers: scalars, the HParams table, no point twice."""

from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing import event_accumulator, plugin_event_multiplexer
from tensorboard.plugins.hparams import api_pb2, metadata

from cascada.training.tensorboard import TrialLog, shown_metrics, tag_of, write_experiment

HYPERPARAMETERS = {"learning_rate": 0.01, "normalize": True, "optimizer": "adam", "channels": [6, 16]}


def row(epoch):
    return {"epoch": epoch, "training_loss": 1 / epoch, "validation_f1": 0.5 + epoch / 10, "cpu_percent": 99.0}


def values(number):
    return {name: value for name, value in row(number).items() if name != "epoch"}


@pytest.fixture
def run(tmp_path):
    with TrialLog(tmp_path, "lenet-01234567", 3, {"model": "lenet", **HYPERPARAMETERS}) as log:
        for epoch in (1, 2):
            log.epoch(epoch, values(epoch))
        log.best({"validation_f1": 0.7})
        log.end("completed")
    return tmp_path


def steps(folder, tag):
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    return [(point.step, point.value) for point in events.Scalars(tag)]


def plugin(folder, tag):
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    content = events.SummaryMetadata(tag).plugin_data.content
    return {
        metadata.EXPERIMENT_TAG: metadata.parse_experiment_plugin_data,
        metadata.SESSION_START_INFO_TAG: metadata.parse_session_start_info_plugin_data,
        metadata.SESSION_END_INFO_TAG: metadata.parse_session_end_info_plugin_data,
    }[tag](content)


def test_scalars_of_both_splits_share_a_card(run):
    assert steps(run, "loss/training") == [(1, 1.0), (2, 0.5)]
    assert [step for step, _ in steps(run, "f1/validation")] == [1, 2]
    assert [step for step, _ in steps(run, "system/cpu_percent")] == [1, 2]
    assert tag_of("learning_rate") == "learning_rate"


def test_the_session_holds_hyperparameters_group_and_status(run):
    start = plugin(run, metadata.SESSION_START_INFO_TAG)
    assert start.group_name == "lenet-01234567"
    assert start.hparams["learning_rate"].number_value == 0.01 and start.hparams["normalize"].bool_value is True
    assert start.hparams["channels"].string_value == "[6, 16]" and start.hparams["seed"].number_value == 3
    assert plugin(run, metadata.SESSION_END_INFO_TAG).status == api_pb2.STATUS_SUCCESS
    assert steps(run, "best/validation_f1") == [(2, pytest.approx(0.7))]


def test_a_trial_that_goes_on_has_no_point_twice(tmp_path):
    hyperparameters = {"model": "lenet", **HYPERPARAMETERS}
    with TrialLog(tmp_path, "lenet-01234567", 3, hyperparameters) as log:
        for epoch in (1, 2):
            log.epoch(epoch, values(epoch))
    with TrialLog(tmp_path, "lenet-01234567", 3, hyperparameters, history=[row(1)]) as log:
        for epoch in (2, 3):
            log.epoch(epoch, values(epoch))
    assert [step for step, _ in steps(tmp_path, "loss/training")] == [1, 2, 3]


def test_the_experiment_lists_all_hyperparameters_and_the_best_metrics(tmp_path):
    configurations = [
        SimpleNamespace(model="lenet", hyperparameters=HYPERPARAMETERS),
        SimpleNamespace(model="cae", hyperparameters=HYPERPARAMETERS | {"learning_rate": 0.1, "depth": 3}),
    ]
    write_experiment(tmp_path, configurations, {"validation_f1": " (of proton)"})
    write_experiment(
        tmp_path, configurations, {"validation_f1": " (of proton)"}
    )  # a second one takes the first one's place
    experiment = plugin(tmp_path, metadata.EXPERIMENT_TAG)
    found = {
        info.name: [list(v.WhichOneof("kind") and [v]) for v in info.domain_discrete.values]
        for info in experiment.hparam_infos
    }
    assert found.keys() == {"model", "depth", *HYPERPARAMETERS}
    assert len(found["learning_rate"]) == 2 and len(found["model"]) == 2
    assert [(info.name.tag, info.display_name) for info in experiment.metric_infos] == [
        ("best/validation_f1", "best validation_f1 (of proton)")
    ]
    assert len(list(tmp_path.glob("events*"))) == 1


def test_metrics_are_shown_with_the_class_that_they_are_of():
    three = {"classes": {"iron": 5626, "helium": 402, "proton": 14}, "signal": "proton"}
    assert shown_metrics({"classes": {"iron": 5626, "proton": 14}}) == {
        "validation_f1": " (of proton)", "validation_accuracy": "", "validation_roc_auc": " (of proton against iron)",
        "validation_loss": "",
    }  # fmt: skip
    assert shown_metrics(three)["validation_f1"] == " (mean over 3 classes)"


def served(logdir):
    """The HParams plugin's view of a log directory, as the server has it."""
    from tensorboard.backend.event_processing import data_provider
    from tensorboard.plugins.hparams import backend_context

    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(logdir))
    return backend_context.Context(SimpleNamespace(data_provider=provider))


def test_the_server_s_table_shows_what_varies_first(tmp_path):
    from tensorboard.context import RequestContext
    from tensorboard.plugins.hparams import get_experiment

    several = [{"learning_rate": 0.1}, {"optimizer": "sgd"}, {"channels": [2, 4]}]
    configurations = [SimpleNamespace(model="lenet", hyperparameters=HYPERPARAMETERS | change) for change in several]
    write_experiment(tmp_path, configurations, {"validation_f1": " (of proton)"})
    experiment = get_experiment.Handler(RequestContext(), served(tmp_path), "", api_pb2.GetExperimentRequest()).run()
    names = [info.name for info in experiment.hparam_infos]
    assert names == ["channels", "learning_rate", "optimizer", "model", "normalize"]


def test_the_server_s_table_groups_seeds_and_shows_the_best_epoch(tmp_path):
    from tensorboard.context import RequestContext
    from tensorboard.plugins.hparams import list_session_groups

    write_experiment(
        tmp_path, [SimpleNamespace(model="lenet", hyperparameters=HYPERPARAMETERS)], {"validation_f1": " (of proton)"}
    )
    for seed, best in ((1, 0.6), (2, 0.8)):
        folder = tmp_path / f"lenet-01234567/seed-{seed}"
        with TrialLog(folder, "lenet-01234567", seed, {"model": "lenet", **HYPERPARAMETERS}) as log:
            log.epoch(1, values(1))
            log.best({"validation_f1": best})
            log.end("completed")
    context, request_context = served(tmp_path), RequestContext()
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, aggregation_type=api_pb2.AGGREGATION_AVG,
        allowed_statuses=[api_pb2.STATUS_SUCCESS], col_params=[],
    )  # fmt: skip
    response = list_session_groups.Handler(request_context, context, "", request).run()
    assert response.total_size == 1
    group = response.session_groups[0]
    assert len(group.sessions) == 2 and group.hparams["learning_rate"].number_value == 0.01
    assert [m.value for m in group.metric_values] == [pytest.approx(0.7)]
