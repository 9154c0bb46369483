"""Dry-run of searches of 100, 1,000 and 10,000 configurations, against a bare Snakefile with as many jobs and files.

    python -m benchmarks.dryrun [CONFIGURATIONS...]

Each search plain, with successive halving before anything is trained, and with halving when its last rung is to be trained:
then the records of the rungs say what the graph of jobs is. Goal: at most 1.5 times the bare one. The bare Snakefile has the
same rules, with the same inputs, outputs and checkpoints and a script each, and nothing else: no configuration, schema, search,
digests, parameters, logs, benchmarks, environments or resources. Processor time of the whole command counts, start included, so
that a busy machine disturbs little; wall time is printed beside it, and the memory of the process, which a run's driver has too.
"""

import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import yaml

from benchmarks.spending import Spent, run
from cascada.experiment import records, spaces
from cascada.experiment.population import RUNG
from cascada.experiment.rungs import budgets, ladder
from cascada.selection.halving import Score, promote

ROOT = Path(__file__).resolve().parents[1]
TRIALS, GOAL = (100, 1000, 10_000), 1.5
REPEATS = {100: 5, 1000: 3}  # else one
SHARDS = 12  # of the demonstration
SHAPES = ("plain", "halving", "halving, last rung")

EXPERIMENT = """
experiment: dryrun
data:
  classes: {{iron: 5626, proton: 14}}
  sources: {{showers: {{kind: surrogate, showers: {{proton: 3000, iron: 3000}}, showers_per_shard: 500, seed: 1}}}}
search:
  sampler: random
  samples: {trials}
  models:
    lenet:
      channels: [{{randint: [2, 20]}}, {{randint: [2, 20]}}]
      learning_rate: {{loguniform: [0.0001, 0.01]}}
      batch_size: {{randint: [32, 256]}}
training: {{epochs: 18}}
"""
HALVING = {"halving": {"eta": 3, "first": 2}}  # 2, 6 and 18 epochs

TRIAL = "trials/{c}/seed-1/epochs-{e}/"
FILES = ("metrics.json", "history.tsv", "checkpoint.pt")
RULES = {  # name: inputs, outputs; `TRIALS of FILE` stands for that file of every trial of the full budget
    "convert": ([], ["shards/{name}.h5"]),
    "merge": (["SHARDS"], ["train.h5", "test.h5", "summary.json"]),
    "describe_data": (["summary.json", "train.h5"], ["card.json", "card.html", "spectra.png", "examples.png"]),
    "list_configurations": ([], ["configurations.tsv"]),
    "train": (["train.h5", "ancient configurations.tsv"], [TRIAL + file for file in FILES]),
    "score_trials": (["train.h5", "TRIALS of metrics.json", "TRIALS of checkpoint.pt"], ["scores.json"]),
    "summarize_costs": (["EVERY of metrics.json"], ["costs.tsv", "costs.html"]),
    "train_baselines": (["train.h5"], ["models.npz", "baselines.json"]),
    "select": (
        [
            "configurations.tsv",
            "TRIALS of metrics.json",
            "TRIALS of checkpoint.pt",
            "LEFT of metrics.json",
            "baselines.json",
            "scores.json",
            "train.h5",
        ],
        ["leaderboard.tsv", "best.json", "best.pt"],
    ),
    "tidy_trials": (["best.json", "scores.json", "TRIALS of metrics.json"], ["storage.json"]),
    "plot_selection": (
        ["leaderboard.tsv", "TRIALS of history.tsv", "summary.json"],
        ["leaderboard.png", "curves.png"],
    ),
    "plot_search": (
        [
            "leaderboard.tsv",
            "best.json",
            "summary.json",
            "costs.tsv",
            "TRIALS of metrics.json",
            "TRIALS of history.tsv",
        ],
        ["index.html", "search.html"],
    ),
    "test_model": (["best.json", "best.pt", "test.h5", "models.npz"], ["test.json", "predictions.h5", "mistakes.h5"]),
    "plot_test": (["predictions.h5", "test.json", "mistakes.h5"], [f"test-{n}.png" for n in range(12)]),
    "test_behaviour": (["best.json", "best.pt", "train.h5"], ["behaviour.json", "behaviour.xml"]),
    "plot_behaviour": (["behaviour.json"], ["behaviour.html", "invariance.png", "degradation.png"]),
    "export_model": (["best.json", "best.pt", "train.h5", "test.json"], [f"model-{n}" for n in range(7)]),
    "check_export": ([f"model-{n}" for n in range(7)], ["check.json"]),
}
PRODUCTS = [
    "card.json", "storage.json", "index.html", "leaderboard.png", "test-0.png", "behaviour.html", "check.json",
]  # fmt: skip


CHECKPOINT = """
import json

def promoted(number):
    with open(f"rung-{number}.json") as file:
        return [row["configuration"] for row in json.load(file)["promoted"]]

def rung(number):
    return [(c, BUDGETS[number - 1]) for c in (TRIALS if number == 1 else promoted(number))]

def wait_for(last):
    for number in range(2, last + 1):
        if number == last or not os.path.exists(f"rung-{number}.json"):
            checkpoints.promote.get(rung=number)

def every():
    return [one for number in range(1, len(BUDGETS) + 1) for one in rung(number)]

def left():
    highest = {c: (c, e) for c, e in every()}
    return [one for one in highest.values() if one[1] != BUDGETS[-1]]

def files_of(trials, name):
    return [f"trials/{c}/seed-1/epochs-{e}/{name}" for c, e in trials]

def of(name, trials):
    def files(wildcards):
        wait_for(len(BUDGETS))
        return files_of(trials(), name)
    return files

def below(wildcards):
    number = int(wildcards.rung) - 1
    wait_for(number)
    return files_of(rung(number), "metrics.json")

checkpoint promote:
    input:
        below,
        lambda wildcards: f"rung-{int(wildcards.rung) - 1}.json" if wildcards.rung != "2" else [],
        "configurations.tsv",
    output: update("rung-{rung}.json")
    script: "script.py"
"""


def bare_snakefile(names: list[str], rungs: list[int]) -> str:
    """Return a Snakefile with the workflow's rules, files and checkpoints, and nothing else."""
    parts = [f"TRIALS = {names}\nBUDGETS = {rungs}", f"rule all:\n    input: {PRODUCTS}"]
    parts += [CHECKPOINT] if len(rungs) > 1 else []
    for name, (inputs, outputs) in RULES.items():
        lines = [f"rule {name}:", "    input:", *(f"        {_files(one, rungs)}," for one in inputs)]
        lines += ["    output:", *(f"        {one!r}," for one in outputs), '    script: "script.py"']
        parts.append("\n".join(line for line in lines if inputs or line != "    input:"))
    return "\n\n".join(parts) + "\n"


def _files(name: str, rungs: list[int]) -> str:
    if name == "SHARDS":
        return f'[f"shards/{{name}}.h5" for name in range({SHARDS})]'
    if name.startswith("ancient "):
        return f"ancient({name.removeprefix('ancient ')!r})"
    which, of, file = name.partition(" of ")
    if not of:
        return repr(name)
    if len(rungs) == 1:
        return "[]" if which == "LEFT" else f'expand("{TRIAL}{file}", c=TRIALS, e=BUDGETS)'
    functions = {"TRIALS": "lambda: rung(len(BUDGETS))", "EVERY": "every", "LEFT": "left"}
    return f"of({file!r}, {functions[which]}), 'rung-{len(rungs)}.json'"


def train_all_but_the_last_rung(names: list[str], rungs: list[int], data: Path, search: Path, trials: Path) -> None:
    """Leave empty files of trials, and records of promotions, in folders of the data, the search and the trials."""
    halves = itertools.product(("iron", "proton"), range(SHARDS // 2))
    _touch([data / f"shards/showers/{primary}-{number:04}.h5" for primary, number in halves])  # ours
    _touch([data / f"shards/{number}.h5" for number in range(SHARDS)])  # the bare ones
    _touch([data / name for name in ("train.h5", "test.h5", "summary.json", "skipped.tsv")])
    _touch([search / name for name in ("search.json", "configurations.tsv")])
    for rung, above in itertools.pairwise(ladder(len(names), rungs)):
        _touch(trials / f"{name}/seed-1/epochs-{rung.epochs}" / file for name in names for file in FILES)
        scores = [Score(name, 1, 0.9 - number / 1e6, 0.1) for number, name in enumerate(names)]
        record = promote(scores, rung=rung.number, epochs=rung.epochs, following=above.epochs, metric="f1")
        records.write(search / f"rung-{above.number}.json", RUNG, record)
        names = [row["configuration"] for row in record["promoted"]]


def _touch(paths: Iterable[Path]) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def prepare(trials: int, shape: str, ours: Path, bare: Path) -> None:
    """Write the experiment and the bare Snakefile, each into a new folder, with what the shape has trained already."""
    config = yaml.safe_load(EXPERIMENT.format(trials=trials))
    config["search"] |= HALVING if shape != "plain" else {}
    rungs = budgets(config["search"], config["training"]["epochs"])
    names = [one.id for one in spaces.configurations(as_read(config))]
    for path in (ours, bare):
        path.mkdir()
    (ours / "experiment.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (bare / "Snakefile").write_text(bare_snakefile(names, rungs))
    (bare / "script.py").write_text("")
    if shape == SHAPES[2]:
        results = ours / "results/dryrun"
        train_all_but_the_last_rung(names, rungs, results / "dataset", results / "search", results / "trials")
        train_all_but_the_last_rung(names, rungs, bare, bare, bare / "trials")


def as_read(config: dict) -> dict:
    """The experiment with its defaults."""
    from cascada.experiment import schema

    schema.validate(config, ROOT / "rules/schemas/config.schema.yaml")
    return config


def compare(trials: int, shape: str, folder: Path) -> tuple[Spent, Spent]:
    """Return what our dry-run takes and what the bare one, medians of runs in turns."""
    ours, bare = folder / f"ours-{trials}-{shape}", folder / f"bare-{trials}-{shape}"
    prepare(trials, shape, ours, bare)
    snakemake = [sys.executable, "-m", "snakemake", "-n", "-q", "--cores", "2"]
    ours_command = [*snakemake, "-s", str(ROOT / "Snakefile"), "--configfile", "experiment.yaml"]
    pairs = [(run(ours_command, ours), run(snakemake, bare)) for _ in range(REPEATS.get(trials, 1))]
    return _median([one for one, _ in pairs]), _median([other for _, other in pairs])


def _median(found: list[Spent]) -> Spent:
    return Spent(*(statistics.median(getattr(one, part) for one in found) for part in ("cpu", "wall", "megabytes")))


def main(*numbers: str) -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio, goal."""
    rows = []
    print(f"{'dry-run of':<25} {'Cascada':>24} {'bare':>24} {'ratio':>5} {'goal':>5}   processor (wall) time, memory")
    with tempfile.TemporaryDirectory() as folder:
        for trials, shape in itertools.product(map(int, numbers) if numbers else TRIALS, SHAPES):
            ours, bare = compare(trials, shape, Path(folder))
            ratio = ours.cpu / bare.cpu
            text = f"{trials} {shape}"
            print(f"{text:<25} {ours!s:>24} {bare!s:>24} {ratio:>5.2f} {GOAL:>5.2f}", flush=True)
            rows.append((f"dry-run of {text} / bare Snakefile", ratio, GOAL))
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
