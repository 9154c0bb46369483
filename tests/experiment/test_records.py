import json

import pytest

from cascada.core.errors import DataError
from cascada.experiment import records


def test_a_record_is_read_as_it_was_written(tmp_path):
    content = {"rung": 1, "promoted": [{"configuration": "lenet-00000000", "value": 0.1 + 0.2}]}
    records.write(tmp_path / "rung-1.json", "rung", content)
    assert records.read(tmp_path / "rung-1.json", "rung") == {"kind": "rung"} | content


def test_layout_alone_does_not_make_a_record_another(tmp_path):
    path = tmp_path / "rung-1.json"
    records.write(path, "rung", {"b": 1, "a": 2})
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert records.read(path, "rung")["a"] == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('"rung": 1', '"rung": 2'),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "3",
        lambda text: '{"kind": "rung"}',
    ],
    ids=["edited", "half", "empty", "list", "number", "without its hash"],
)
def test_a_damaged_record_is_named_with_what_to_do(tmp_path, damage):
    path = tmp_path / "rung-1.json"
    records.write(path, "rung", {"rung": 1})
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=f"{path}: .*delete it with the records after it"):
        records.read(path, "rung")


def test_another_kind_of_record_is_refused(tmp_path):
    records.write(tmp_path / "batch-1.json", "batch", {})
    with pytest.raises(DataError, match="a record of a 'batch' instead of a rung"):
        records.read(tmp_path / "batch-1.json", "rung")
    with pytest.raises(DataError, match="no such record"):
        records.read(tmp_path / "rung-9.json", "rung")
