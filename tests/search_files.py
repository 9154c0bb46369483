"""A search's files without any training: metrics, learning curves, leaderboard and records, made up from a known rule.

The metric of a configuration is 0.97 − 0.04 · |log₁₀(learning_rate) + 3| − 0.02 for sgd, so that it is known what the page has to find.
"""

import json
import math
import random
from pathlib import Path

from cascada.core import tables
from cascada.core.files import write_json
from cascada.selection.leaderboard import ORIGIN
from cascada.statistics.names import METRICS

FACTS = ["0123456789abcdef", "False", "f" * 64, "d" * 64, "snakemake <all>"]


def hyperparameters(generator: random.Random, lists: bool = True) -> dict:
    """A point of a space with a branch: momentum exists with sgd alone."""
    found = {
        "learning_rate": float(f"{10 ** generator.uniform(-4, -2):.4g}"), "batch_size": generator.choice([8, 16, 128]),
        "optimizer": generator.choice(["adam", "sgd"]), "normalize": generator.random() < 0.5, "weight_decay": 0.0,
    }  # fmt: skip
    if found["optimizer"] == "sgd":
        found["momentum"] = round(generator.uniform(0.5, 0.9), 3)
    return found | ({"channels": [generator.randint(2, 20), generator.randint(2, 30)]} if lists else {})


def value_of(one: dict, epochs: int, last: int) -> float:
    return (
        0.97
        - 0.04 * abs(math.log10(one["learning_rate"]) + 3)
        - 0.02 * (one["optimizer"] == "sgd")
        - 0.03 * (1 - epochs / last)
    )


def write_trial(
    results: Path, model: str, one: dict, name: str, seed: int, epochs: int, last: int, status: str
) -> None:
    folder = results / f"trials/{name}/seed-{seed}/epochs-{epochs}"
    folder.mkdir(parents=True)
    noise = random.Random(f"{name}/{seed}/{epochs}").gauss(0, 0.002)
    value = value_of(one, epochs, last) + noise if status == "completed" else None
    of_split = dict.fromkeys(METRICS, value) | {"loss": None if value is None else 1 - value}
    write_json(
        folder / "metrics.json",
        {
            "configuration": name, "model": model, "hyperparameters": one, "seed": seed, "epochs": epochs, "status": status,
            "validation": of_split, "training": of_split, "wall_seconds": 36.0 * epochs, "gpu_hours": 0.0, "parameters": 1000,
        },
    )  # fmt: skip
    header = ["epoch", *(f"{split}_{metric}" for split in ("training", "validation") for metric in METRICS)]
    rows = [[e, *[f"{1 - 0.5 / e + 0.0123456:.6f}"] * 8] for e in range(1, (epochs if value is not None else 1) + 1)]
    tables.write(folder / "history.tsv", header, rows)


def write_search(
    results: Path,
    families: dict[str, int],
    budgets: tuple[int, ...] = (4,),
    seeds: tuple[int, ...] = (1,),
    diverged: int = 0,
    columns: dict[str, str] | None = None,
    lists: bool = True,
) -> None:
    """Write what a search of so many configurations of each family leaves; the first `diverged` of each family diverge.

    With several budgets half of the configurations climb.
    `columns`: more columns of the leaderboard, with a value for all.
    """
    generator, rows = random.Random(1), []
    for model, number in families.items():
        found = {f"{model}-{place:08x}": hyperparameters(generator, lists) for place in range(number)}
        bad = list(found)[:diverged]
        left = [name for name in found if name not in bad]
        left.sort(key=lambda name: -value_of(found[name], 1, 1))
        reached = dict.fromkeys(found, 0)
        for rung, _ in enumerate(budgets):
            for name in left[: -(-len(left) // 2**rung)]:
                reached[name] = rung
        for name, one in found.items():
            status = "diverged" if name in bad else "completed"
            for epochs in budgets[: reached[name] + 1]:
                for seed in seeds:
                    write_trial(results, model, one, name, seed, epochs, budgets[-1], status)
            if status == "completed" and reached[name] < len(budgets) - 1:
                status = "stopped"
            rows.append((name, model, status, budgets[reached[name]], one))
    rows.sort(key=lambda row: (row[2] != "completed", -row[3], -value_of(row[4], 1, 1)))
    _write_leaderboard(results, rows, len(seeds), budgets[-1], columns or {})
    _write_records(results, rows, budgets)
    write_json(
        results / "search/search.json",
        {"sampler": "random", "metric": "f1", "seeds": list(seeds), "budgets": list(budgets)},
    )
    write_json(
        results / "dataset/summary.json", {"surrogate": True, "classes": {"iron": 5626, "proton": 14}, "signal": ""}
    )
    (results / "search/costs.tsv").write_text(
        "of\tname\tjobs\tgpu_hours\twall_hours\nrule\ttrain\t3\t0\t1.5\nfamily\tlenet\t3\t0\t1.5\n"
    )


def _write_leaderboard(results: Path, rows: list, seeds: int, last: int, columns: dict[str, str]) -> None:
    names = sorted({name for row in rows for name in row[4]})
    header = ["rank", "configuration", "model", "status", "seeds", "epochs", *columns]
    header += [f"validation_{metric}_{part}" for metric in METRICS for part in ("mean", "spread")]
    header += ["parameters", "wall_seconds", "gpu_hours", *names, *ORIGIN]
    cells = []
    for place, (name, model, status, epochs, one) in enumerate(rows, 1):
        known = status != "diverged"
        value = f"{value_of(one, epochs, last):.6f}" if known else ""
        metrics = [value, "0.001000" if seeds > 1 and known else ""] * len(METRICS)
        rank = place if status == "completed" else ""
        texts = [one.get(name, "") for name in names]
        cells.append(
            [
                rank,
                name,
                model,
                status,
                seeds,
                epochs,
                *columns.values(),
                *metrics,
                1000,
                "36.0",
                "0.0000",
                *texts,
                *FACTS,
            ]
        )
    blank = [""] * len(names)
    cells.append(
        [
            "",
            "gradient_boosting",
            "gradient_boosting",
            "baseline",
            1,
            "",
            *columns.values(),
            *["0.900000", ""] * 4,
            600,
            "2.0",
            "0.0000",
            *blank,
            *FACTS,
        ]
    )
    tables.write(results / "selection/leaderboard.tsv", header, cells)
    write_json(
        results / "selection/best.json", {"configuration": rows[0][0], "model": rows[0][1], "seed": 1, "metric": "f1"}
    )


def _write_records(results: Path, rows: list, budgets: tuple[int, ...]) -> None:
    for number, epochs in enumerate(budgets[:-1], 2):
        on = [row[0] for row in rows if row[3] > epochs]
        off = [row[0] for row in rows if row[3] == epochs]
        record = {
            "kind": "rung",
            "rung": number - 1,
            "epochs": epochs,
            "promoted": [{"configuration": name} for name in on],
        }
        record["stopped"] = [{"configuration": name, "why": "f1 behind that of the others"} for name in off]
        write_json(results / f"search/rung-{number}.json", record)


def write_batches(results: Path, batches: list[list[str]], sampler: str = "tpe") -> None:
    """Records of proposals of one family, in the order of the batches."""
    settings = json.loads((results / "search/search.json").read_text())
    write_json(results / "search/search.json", settings | {"sampler": sampler})
    for number, names in enumerate(batches, 1):
        proposals = [{"configuration": name, "model": name.split("-")[0], "origin": "one"} for name in names]
        write_json(
            results / f"search/batch-{number}.json",
            {"kind": "batch", "batch": number, "sampler": sampler, "proposals": proposals},
        )


def read_search(results: Path):
    """As the rule `plot_search` reads it."""
    from cascada.report.search import content

    single = [
        "selection/leaderboard.tsv",
        "selection/best.json",
        "search/search.json",
        "dataset/summary.json",
        "search/costs.tsv",
    ]
    several = ["trials/*/*/*/metrics.json", "trials/*/*/*/history.tsv", "search/[br]*-*.json"]
    return content.read(*(results / name for name in single), *(sorted(results.glob(name)) for name in several))
