"""Sets of showers that are tested beside the sealed ones, `testing.also`: what the experiment says of them. Standard library only."""

from collections.abc import Callable

from cascada.core import classes
from cascada.core.errors import ConfigError
from cascada.data import catalogue
from cascada.data.catalogue import RUNS
from cascada.experiment.configuration import ALSO, PRIMARIES, Shard, check_seeds, of_source
from cascada.statistics.names import FEWEST_OF_CLASS


def sources(config: dict) -> dict[str, dict]:
    """The sets that come from a source of their own, by name."""
    return {name: one["source"] for name, one in config["testing"]["also"].items() if "source" in one}


def check(config: dict) -> None:
    """Raise ConfigError for a set that cannot be tested, as far as the experiment alone tells."""
    for name, one in config["testing"]["also"].items():
        if len(one) != 1:
            raise ConfigError(
                f"testing.also.{name}: {sorted(one) or 'nothing'} given; give either a transform of the sealed showers or a source of others."
            )
        trained = config["data"]["sources"]
        if "source" in one:
            _check_showers(f"testing.also.{name}.source", config["data"], one["source"], 1.0)
            _check_seen(name, trained, one["source"])
        elif len(trained) == 1:  # several sources together are counted when they are merged
            (only,) = trained.values()
            _check_showers(f"testing.also.{name}", config["data"], only, config["data"]["split"]["test"])


def _check_showers(place: str, data: dict, source: dict, share: float) -> None:
    """Compare the showers of a source that simulates with the classes; `share` of them are tested."""
    if catalogue.describe(source["kind"]).takes != RUNS:
        return  # what files hold is known when they are read
    label_of, names = classes.labels(data["classes"]), list(data["classes"])
    counts = dict.fromkeys(names, 0)
    for primary, number in source["showers"].items():
        code = PRIMARIES.get(primary)
        if code is not None and code not in label_of:
            raise ConfigError(
                f"{place}.showers: {primary} (CORSIKA code {code}) is a primary of no class, and the main test has none of it; "
                f"data.classes names {data['classes']}."
            )
        if code is not None:
            counts[names[label_of[code]]] += number
    for name, number in counts.items():
        if round(number * share) < FEWEST_OF_CLASS:
            raise ConfigError(too_few(place, name, round(number * share)))


def too_few(place: str, name: str, showers: int) -> str:
    return (
        f"{place}: {showers} showers of the class {name!r} to test, at least {FEWEST_OF_CLASS} of each class are needed for a "
        "difference that means something; give more showers."
    )


def _check_seen(name: str, trained: dict[str, dict], source: dict) -> None:
    """Raise ConfigError for a set that would make showers of the experiment's own sources again."""
    try:
        check_seeds(trained | {f"{ALSO}{name}": source})
    except ConfigError as error:
        raise ConfigError(f"{error} A set beside the test may hold no shower that the training saw.") from None


def shards(config: dict, say: Callable[[str], None] = lambda text: None) -> list[Shard]:
    """The conversion jobs of all sets that come from a source of their own."""
    channels = config["data"]["channels"]
    return [
        shard for name, source in sources(config).items() for shard in of_source(f"{ALSO}{name}", source, channels, say)
    ]
