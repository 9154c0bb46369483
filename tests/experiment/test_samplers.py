"""Samplers are found in their folder; from their files come the schema's list and the keys that each takes."""

import pytest

from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.core.extensions import Extension
from cascada.core.options import tree
from cascada.experiment import samplers, schema
from experiments import SCHEMA, experiment


def test_the_schema_lists_them_and_their_keys():
    search = schema.complete(SCHEMA)["properties"]["search"]["properties"]
    assert search["sampler"]["enum"] == samplers.names()
    assert {"grid", "random", "sobol", "tpe"} <= set(samplers.names())
    assert "grid: All combinations of the values of a space. " in search["sampler"]["description"]
    assert search["samples"]["anyOf"][0] == {"type": "integer", "minimum": 1} and search["seed"]["default"] == 1


def test_a_key_that_a_sampler_needs_is_missed_at_the_dry_run():
    with pytest.raises(ConfigError, match=r"search\.samples is missing; the sampler random needs it: number of config"):
        samplers.load({"sampler": "random"})
    with pytest.raises(ConfigError, match=r"'no_such_sampler' given, allowed are \[.*'grid', .*'random'"):
        samplers.load({"sampler": "no_such_sampler"})


def test_a_model_without_a_number_of_samples_is_named():
    models = {"lenet": {}, "cae": {}}
    with pytest.raises(ConfigError, match=r"search\.samples: no number for \['cae'\]; give one for each model"):
        samplers.load({"sampler": "random", "samples": {"lenet": 3}, "models": models})


def test_two_samplers_that_differ_on_a_key_are_refused(tmp_path, monkeypatch):
    found = extensions.found(samplers.ROOM)
    other = tmp_path / "other.py"
    other.write_text('class Options:\n    seed: int = option(2, "another seed")\n')
    monkeypatch.setattr(
        extensions, "found", lambda room, group="": found | {"other": Extension("other", "other", other)}
    )
    with pytest.raises(ConfigError, match=r"other\.py: the option 'seed' is another sampler's, too, and differs"):
        samplers.settings()
    tree.cache_clear()


def test_a_sampler_of_the_schema_only_takes_what_it_may():
    content = experiment(search__sampler="random", search__samples=0)
    with pytest.raises(ConfigError, match=r"search\.samples"):
        schema.validate(content, SCHEMA)
