"""What an experiment has found and where to look next, in a screenful; of one that has not finished, what is missing."""

from pathlib import Path

from cascada.core import classes, paths
from cascada.core.errors import CascadaError
from cascada.core.files import read_json
from cascada.core.notices import SURROGATE_IN_SHORT, marks
from cascada.statistics import promise
from cascada.statistics.names import HEADLINES
from cascada.statistics.words import interval, networks, spectrum, spread, temperature, uncertainties

# what it reads, in the order in which the workflow makes it
PARTS = {
    paths.DATA_CARD: "the data card",
    paths.BEST: "the selection",
    paths.METRICS: "the test",
    paths.BEHAVIOUR: "the behaviour tests",
}


def summary(results: Path) -> str:
    """The best configuration, its validation and test metrics with their intervals, and the next commands.

    Raises CascadaError that says what is missing where the experiment has not finished.
    """
    _check(results)
    best, test = read_json(results / paths.BEST), read_json(results / paths.METRICS)
    card = read_json(results / paths.DATA_CARD)
    data = SURROGATE_IN_SHORT if card.get("surrogate") else "simulated showers"
    return "\n".join(
        [
            f"Best configuration: {best['configuration']} (of {best['number_of_configurations']}; {data})",
            *(f"  {name}: {value}" for name, value in best["hyperparameters"].items()),
            *_metrics(best, test),
            f"  {_signal(test)}",
            *_frozen(best),
            *(f"  {text}" for text in promise.sentences(best, test)),
            *_systematics(test),
            *(f"  {text}" for text in marks(test["opening"])),
            f"  behaviour: {verdict(results / paths.BEHAVIOUR)}",
            "Look next at:",
            f"  {results}/search/index.html",
            f"  {results / paths.LEADERBOARD}, {(results / paths.METRICS).parent}/*.png",
            f"  tensorboard --logdir {results / paths.TENSORBOARD}",
            "  snakemake --report report.html",
        ]
    )


def _check(results: Path) -> None:
    if not results.is_dir():
        known = sorted(map(str, results.parent.glob("*/"))) or ["none"]
        raise CascadaError(
            f"{results}: no such folder; results found there: {', '.join(known)}. Start with `snakemake`."
        )
    missing = [f"{what} ({path})" for path, what in PARTS.items() if not (results / path).is_file()]
    if missing:
        raise CascadaError(
            f"{results}: the experiment has not finished; missing: {', '.join(missing)}. Go on with `snakemake --cores all` and the "
            f"experiment's --configfile, or `make run` for the demonstration; `cascada status {results}` shows its trials."
        )


def _metrics(best: dict, test: dict) -> list[str]:
    lines = [f"{'':18}{'validation (mean ± spread over seeds)':>40}   test [interval]"]
    for name in HEADLINES:
        mean, deviation = best["validation"][name]["mean"], best["validation"][name]["spread"]
        chosen = f"{mean:.4f} {spread(deviation, len(best['seeds'])) if deviation is not None else '(one seed)'}"
        lines.append(f"  {name:16}{chosen:>40}   {interval(test[name])}")
    if section := test.get("spectrum"):
        lines.append(
            f"  under {spectrum(section)} (worth {section['effective_showers']:,.0f} of {test['showers']:,} test showers): "
            + ", ".join(f"{name} {interval(section[name])}" for name in HEADLINES)
        )
    return lines


def _systematics(test: dict) -> list[str]:
    text = uncertainties(test, test["settings"]["confidence"], test["showers"]) if "also" in test else ""
    return [f"  {text}"] if text else []


def _frozen(best: dict) -> list[str]:
    """What was frozen, where it is more than one network as it was trained."""
    members, fitted = [one["seed"] for one in best.get("members", ())], best.get("calibration")
    ensemble = [f"  ensemble: {networks(best['seed'], members)}"] if members else []
    return ensemble + ([f"  temperature: {temperature(fitted)}"] if fitted else [])


def _signal(test: dict) -> str:
    names = test["classes"]
    label = classes.index(names, test.get("signal", ""))
    found = classes.meanings(names, label)
    return f"The signal is {names[label]}; F1 {found['f1']}, ROC AUC {found['roc_auc']}."


def verdict(path: Path) -> str:
    """What the behaviour tests found, in one line."""
    return read_json(path).get("conclusion", "probed by an earlier release: run the workflow again")
