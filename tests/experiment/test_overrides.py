"""Settings on the command line, as Snakemake reads them and as its jobs get them again."""

import pytest
from snakemake.cli import parse_config
from snakemake.common import dict_to_key_value_args
from snakemake.utils import update_config

from cascada.experiment import overrides

FILE = {"search": {"samples": 20, "seeds": [7], "word": "20"}, "training": {"epochs": 5}}


def merged(given: dict) -> dict:
    config = {name: dict(part) for name, part in FILE.items()}
    update_config(config, given)
    overrides.read(config, given)
    return config


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{samples: {total: 40}}", {"samples": {"total": 40}}),
        ("{samples: {lenet: 3, cae: x}}", {"samples": {"lenet": 3, "cae": "x"}}),
        ("{seeds: [1, 2]}", {"seeds": [1, 2]}),
        ("{halving: {rungs: [2, 4]}, sampler: tpe}", {"halving": {"rungs": [2, 4]}, "sampler": "tpe"}),
        (
            "{models: {lenet: {normalize: {choice: [true, false]}, learning_rate: {uniform: [0.1, 1.0e-2]}}}}",
            {"models": {"lenet": {"normalize": {"choice": [True, False]}, "learning_rate": {"uniform": [0.1, 0.01]}}}},
        ),
        ("{rescore: null, metric: 2026-11-26}", {"rescore": None, "metric": "2026-11-26"}),
        ("{samples: [1, {a: 'b: c: d'}]}", {"samples": [1, {"a": "b: c: d"}]}),
    ],
)
def test_what_stands_on_the_command_line_means_what_it_means_in_a_file(written, expected):
    given = parse_config([f"search={written}"])
    config = merged(given)
    assert config == {**FILE, "search": FILE["search"] | expected}
    # a job gets the settings as words again, and reads the same from them
    again = parse_config(dict_to_key_value_args(given, repr_obj=True))
    assert merged(again) == config


def test_the_first_level_is_as_snakemake_reads_it():
    given = parse_config(["version=1.2.0", "experiment=mine"])
    assert merged(given) == FILE | {"version": "1.2.0", "experiment": "mine"}
