"""Print what a finished experiment found and where to look next: python -m cascada.report.summary results/<experiment>."""

import sys
from pathlib import Path

from cascada.core import classes
from cascada.core.files import read_json

SHOWN = ("f1", "accuracy", "roc_auc")


def summary(results: Path) -> str:
    """The best configuration, its validation and test metrics with their intervals, and the next commands."""
    best, test = read_json(results / "selection/best.json"), read_json(results / "test/metrics.json")
    card = read_json(results / "dataset/card.json")
    data = "surrogate showers: a fast toy cascade, not CORSIKA" if card.get("surrogate") else "simulated showers"
    lines = [f"Best configuration: {best['configuration']} (of {best['number_of_configurations']}; {data})"]
    lines += [f"  {name}: {value}" for name, value in best["hyperparameters"].items()]
    lines.append(f"{'':18}{'validation (mean ± spread over seeds)':>40}   test [interval]")
    for name in SHOWN:
        mean, spread = best["validation"][name]["mean"], best["validation"][name]["spread"]
        chosen = f"{mean:.4f} ± {spread:.4f}" if spread is not None else f"{mean:.4f} (one seed)"
        metric = test[name]
        lines.append(f"  {name:16}{chosen:>40}   {metric['value']:.4f} [{metric['low']:.4f}, {metric['high']:.4f}]")
    lines.append(f"  {_signal(test)}")
    if test["opening"]["reopened"]:
        lines.append("  The sealed showers were opened before, for another selection: the test is optimistic.")
    if test["opening"].get("other_bits"):
        lines.append("  The sealed showers were opened before, for the same selection with other bits.")
    lines += [f"  behaviour: {verdict(results / 'test/behaviour.json')}"]
    lines += [
        "Look next at:",
        f"  {results}/selection/leaderboard.tsv, {results}/test/*.png",
        f"  tensorboard --logdir {results}/tensorboard",
        "  snakemake --report report.html",
    ]
    return "\n".join(lines)


def _signal(test: dict) -> str:
    names = test["classes"]
    label = classes.index(names, test.get("signal", ""))
    found = classes.meanings(names, label)
    return f"The signal is {names[label]}; F1 {found['f1']}, ROC AUC {found['roc_auc']}."


def verdict(path: Path) -> str:
    """What the behaviour tests found, in one line."""
    return read_json(path).get("conclusion", "probed by an earlier release: run the workflow again")


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
