"""TensorBoard: one run per trial, and the HParams table over all of them.

The HParams plugin takes the first Experiment record below the log directory and the last value of each metric, and averages
the sessions of a group: so the Experiment stands in a run of its own, written before the first trial, each trial writes its
best epoch's values last, and all seeds of a configuration share the group.
"""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cascada.core.classes import meaning
from cascada.statistics.names import METRICS

DETERMINES_NO_RESULT = True  # for cascada.core.digest: TensorBoard shows what training found

STATUS = {"completed": api_pb2.STATUS_SUCCESS, "diverged": api_pb2.STATUS_FAILURE}
MOST_VALUES = 20  # of a discrete hyperparameter, in the table's filter


def write_experiment(logdir: Path, configurations: list, metrics: Mapping[str, str]) -> None:
    """Write the HParams Experiment record into `logdir`, in place of an earlier one.

    `configurations` have `.model` and `.hyperparameters`; `metrics`: name, as in `best/<name>`, and what is shown behind it, such as
    " (of proton)". Hyperparameters that vary are marked so: the table opens with five columns, and shows the marked ones first.
    """
    logdir.mkdir(parents=True, exist_ok=True)
    for old in logdir.glob("events.out.tfevents.*"):
        old.unlink()
    values: dict[str, dict] = {}  # name → its values, each once
    for configuration in configurations:
        for name, value in {"model": configuration.model, **configuration.hyperparameters}.items():
            values.setdefault(name, {}).setdefault(_plain(value))
    experiment = api_pb2.Experiment(
        hparam_infos=[_hparam_info(name, list(seen)) for name, seen in values.items()],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"best/{name}"), display_name=f"best {name}{about}")
            for name, about in metrics.items()
        ],
        time_created_secs=time.time(),
    )
    data = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    writer = EventFileWriter(str(logdir))
    _write_hparams(writer, metadata.EXPERIMENT_TAG, data)
    writer.close()


def shown_metrics(data: Mapping[str, Any]) -> dict[str, str]:
    """The metrics of the table, each with the class that it is of, by an experiment's section `data`."""
    return {f"validation_{name}": meaning(data, name) for name in METRICS}


class TrialLog:
    """One trial's run. Rewritten from `history` when a trial is resumed, so that no point occurs twice.

    `history` holds a row per epoch, with `epoch` and the scalars by name, of the epochs that are done already.
    """

    def __init__(
        self,
        folder: Path,
        configuration: str,
        seed: int,
        hyperparameters: dict[str, Any],
        history: list[dict] | None = None,
    ):
        self._folder, self._group, self._seed = Path(folder), configuration, seed
        self._hyperparameters, self._history = hyperparameters, list(history or [])

    def __enter__(self) -> "TrialLog":
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._writer = EventFileWriter(str(self._folder))
        self._last_epoch = 0
        start = plugin_data_pb2.SessionStartInfo(group_name=self._group, start_time_secs=time.time())
        for name, value in (self._hyperparameters | {"seed": self._seed}).items():
            _set(start.hparams[name], value)
        data = plugin_data_pb2.HParamsPluginData(session_start_info=start)
        _write_hparams(self._writer, metadata.SESSION_START_INFO_TAG, data)
        for row in self._history:
            self.epoch(row["epoch"], {name: value for name, value in row.items() if name != "epoch"})
        return self

    def __exit__(self, *_):
        self._writer.close()

    def epoch(self, epoch: int, values: dict[str, float]) -> None:
        """Write one point per scalar: `training_loss` becomes `loss/training`, what is no metric goes under `system/`."""
        for name, value in values.items():
            self._scalar(tag_of(name), value, epoch)
        self._last_epoch = epoch
        self._writer.flush()

    def best(self, values: dict[str, float]) -> None:
        """Write the best epoch's metrics, which the HParams table shows."""
        for name, value in values.items():
            self._scalar(f"best/{name}", value, self._last_epoch)

    def end(self, status: str) -> None:
        info = plugin_data_pb2.SessionEndInfo(status=STATUS[status], end_time_secs=time.time())
        data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
        _write_hparams(self._writer, metadata.SESSION_END_INFO_TAG, data)

    def _scalar(self, tag: str, value: float | None, step: int) -> None:
        if value is None:
            return
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=float(value))])
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))


def tag_of(name: str) -> str:
    """Group the two splits of a metric in one card: `training_f1` → `f1/training`."""
    for split in ("training", "validation"):
        if name.startswith(f"{split}_"):
            return f"{name.removeprefix(f'{split}_')}/{split}"
    return name if name == "learning_rate" else f"system/{name}"


def _plain(value: Any) -> bool | float | str:
    """Booleans, numbers and strings as they are; lists as their text."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def _set(target, value: Any) -> None:
    value = _plain(value)
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    else:
        target.string_value = value


def _hparam_info(name: str, values: list) -> api_pb2.HParamInfo:
    kinds = {bool: api_pb2.DATA_TYPE_BOOL, int: api_pb2.DATA_TYPE_FLOAT64, float: api_pb2.DATA_TYPE_FLOAT64}
    types = {kinds.get(type(value), api_pb2.DATA_TYPE_STRING) for value in values}
    info = api_pb2.HParamInfo(name=name, type=types.pop() if len(types) == 1 else api_pb2.DATA_TYPE_STRING)
    info.differs = len(values) > 1
    if len(values) <= MOST_VALUES:
        for value in sorted(values, key=lambda v: (str(type(v)), v)):
            _set(info.domain_discrete.values.add(), value)
    return info


def _write_hparams(writer: EventFileWriter, tag: str, data: plugin_data_pb2.HParamsPluginData) -> None:
    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data))
    value.tensor.CopyFrom(metadata.NULL_TENSOR)
    writer.add_event(Event(wall_time=time.time(), summary=Summary(value=[value])))
