"""What an experiment's files say of its models and tests to the items of REFORMS (items.py). Pure."""

from cascada.report.checklist.data import counts
from cascada.report.checklist.evidence import Evidence
from cascada.statistics.names import HEADLINES
from cascada.statistics.words import interval


def published(of: Evidence) -> str:
    published = (of["model"] or {}).get("published")
    return f" Published as version {published['version']} (tag `{published['tag']}`)." if published else ""


def code(of: Evidence) -> str:
    origin = of["best"]["provenance"]
    dirty = ", **with uncommitted changes**" if origin["git_dirty"] else ""
    lock = f"; packages: lock with sha256 `{origin['lock_sha256']}`" if origin["lock_sha256"] else ""
    commit = f"git commit `{origin['git_commit']}`{dirty}" if origin["git_commit"] else "outside of a git repository"
    return f"Cascada, {commit}{lock}. Command: `{origin['command']}`."


def computing(of: Evidence) -> str:
    trials = [row for row in of["leaderboard"] if row["status"] != "baseline"]
    hours, gpu = (sum(float(row[column] or 0) for row in trials) for column in ("wall_seconds", "gpu_hours"))
    return (
        f"Configurations: {len(trials)}; they took {hours / 3600:.2g} h of training, {gpu:.2g} GPU-hours; by trial in "
        "`search/costs.tsv`."
    )


def packages(of: Evidence) -> str:
    if of["model"] is None:
        return ""
    return " Packages: " + ", ".join(f"{name} {version}" for name, version in of["model"]["packages"].items()) + "."


def models(of: Evidence) -> str:
    best = of["best"]
    families: dict[str, int] = {}
    for row in of["configurations"]:
        families[row["model"]] = families.get(row["model"], 0) + 1
    listed = ", ".join(f"{number} of family `{name}`" for name, number in families.items())
    given = ", ".join(f"{name} {value}" for name, value in best["hyperparameters"].items())
    return (
        f"{listed}; each with its hyperparameters in `search/configurations.tsv`, its results in "
        "`selection/leaderboard.tsv`. Selected: "
        f"`{best['configuration']}`, {best['parameters']:,} parameters, {best['epochs']} epochs, seed {best['seed']}: "
        f"{given}."
    )


def families(of: Evidence) -> str:
    return (
        "Families: "
        + ", ".join(sorted({f"`{row['model']}`" for row in of["configurations"]}))
        + " (src/cascada/models)."
    )


def evaluation(of: Evidence) -> str:
    split = of["data"]["split"]
    said = (
        f"One split by chance (validation {split['validation']:.0%}, test {split['test']:.0%}, seed {split['seed']}), "
        f"no cross-validation; images: {counts(of)}. All images of a shower are in one split."
    )
    if of["test"] is None:
        return f"{said} The sealed showers have not been opened by this experiment's test."
    opening = of["test"]["opening"]
    again = "" if opening["selections"] == 1 else f", for {opening['selections']} selections: **not the first look**"
    return (
        f"{said} The sealed showers were opened {opening['number']} time(s){again}; every opening is in "
        "`dataset/test.ledger.jsonl`."
    )


def selection(of: Evidence) -> str:
    best = of["best"]
    rule = f"By the rule `{best['rule']}`: " if "rule" in best else "The best: "
    return (
        f"{rule}mean validation {best['metric']} over the seeds ({', '.join(map(str, best['seeds']))}), "
        "configurations: "
        f"{best['number_of_configurations']}, before the test was opened; exported is seed {best['seed']}."
    )


def tuning(of: Evidence) -> str:
    best, settings = of["best"], (of["model"] or {}).get("settings")
    said = (
        f"Configurations: {best['number_of_configurations']}, trainings: {best['number_of_trials']}, compared by "
        f"validation {best['metric']}."
    )
    if settings:
        said += f" Sampler: {settings['search']['sampler']}; the space is in `model/model.json` (settings.search)."
    return said


def baselines(of: Evidence) -> str:
    if of["test"]:
        rows = [
            f"{name.replace('_', ' ')}: F1 {interval(one['f1'])}, difference of the model "
            f"{interval(one['f1'].get('difference'))}"
            for name, one in of["test"]["baselines"].items()
        ]
        return (
            f"On the sealed showers: model F1 {interval(of['test']['f1'])}; {'; '.join(rows)}. Same splits, same "
            "resamples."
        )
    rows = [
        f"{name.replace('_', ' ')}: F1 {one['validation']['f1']:.4f}"
        for name, one in of["baselines"]["baselines"].items()
    ]
    return f"On validation showers: {'; '.join(rows)}."


def metrics(of: Evidence) -> str:
    test = of["test"]
    said = "; ".join(f"{name} {interval(test[name])}" for name in HEADLINES)
    selected = f" Selected by {of['best']['metric']}." if of["best"] else ""
    return (
        f"On the sealed showers: {said}. Further ones, of each class and by energy, in `test/metrics.json`.{selected}"
    )


def uncertainty(of: Evidence) -> str:
    settings = of["test"]["settings"]
    return (
        f"{settings['confidence']:.0%} intervals from {settings['bootstrap']} bootstrap resamples of the showers, "
        "each with all of its images; "
        "exact (Clopper-Pearson) ones for shares near 0 and 1. docs/statistics.md. They do not hold the uncertainty "
        "of the simulation."
    )


def tests(of: Evidence) -> str:
    checks = of["data"]["checks"]
    return (
        "Intervals of paired differences on the same resamples instead of tests. Energy spectra of the classes: KS "
        "distance "
        f"{checks['ks_distance_of_energies']:.3f}, by chance exceeded in 1 % of cases: "
        f"{checks['ks_limit_at_1_percent']:.3f}."
    )


def external(of: Evidence) -> str:
    said = (
        "Probes of another detector (dead cells, noise, threshold, energy scale): "
        f"{of['behaviour'].get('conclusion', 'see test/behaviour.json')}."
    )
    further = list((of["test"] or {}).get("also") or {})
    return said + (f" Tested on further sets, too: {', '.join(further)} (`test/also`)." if further else "")
