"""`cascada plan [--configfile EXPERIMENT]`: what a search will cost, before anything runs."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cascada.core.errors import CascadaError, ConfigError

HELP = "print what a search will cost before it runs: trainings, epochs, hours, files, space"
SCHEMA = Path("rules/schemas/config.schema.yaml")
WEIGHED = 5  # configurations of a family whose networks are built to count their weights
PROPOSED = ("sobol", "tpe")  # samplers whose configurations are not known before the workflow runs


def run(argv: list[str]) -> int:
    from cascada.experiment import earlier, plan
    from cascada.report.plan import render

    arguments = _parser().parse_args(argv)
    config = read_experiment(Path(arguments.configfile))
    workplace = _workplace(arguments)
    made = _plan(config, list(earlier.trials(Path(arguments.results))), workplace, arguments.device)
    if arguments.json:
        print(json.dumps(plan.as_json(made), indent=2))
        return 0
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 160).print(render(made, workplace))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada plan",
        description="Print what a search will cost before it runs. Hours follow from the speed of earlier trials of the "
        "same families; nothing is trained and nothing is written.",
    )
    parser.add_argument(
        "--configfile", default="config.yaml", metavar="EXPERIMENT", help="the experiment (default: config.yaml)"
    )
    parser.add_argument(
        "--results", default="results", metavar="FOLDER", help="where earlier trials are (default: results)"
    )
    parser.add_argument(
        "--device", metavar="NAME", help="only this kind of device, as in metrics.json (default: all known)"
    )
    parser.add_argument(
        "--gpus", type=_positive, default=1, metavar="N", help="GPUs (or CPU cores) in use at a time (default: 1)"
    )
    parser.add_argument(
        "--profile", metavar="NAME", help="take packs and trainings per GPU from profiles/NAME/config.yaml (rule train)"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} given, a whole number from 1 is needed")
    return int(text)


def read_experiment(path: Path) -> dict[str, Any]:
    """Return an experiment with its defaults. Raises ConfigError, as the dry-run would."""
    from cascada.experiment import configuration, schema

    config = _read_yaml(path)
    here = SCHEMA if SCHEMA.exists() else Path(__file__).parents[3] / SCHEMA
    if not here.exists():
        raise CascadaError(f"{SCHEMA} is not here; run `cascada plan` in the folder of the Snakefile.")
    try:
        schema.validate(config, here)
        configuration.check(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return config


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name an experiment with --configfile.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a YAML file ({' '.join(str(error).split())}).") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds a {type(content).__name__} instead of the keys of an experiment.")
    return content


def _plan(config: dict[str, Any], trials: list[dict], workplace: Any, device: str | None) -> Any:
    from cascada.experiment import earlier, plan, rungs

    search = config["search"]
    families = configurations_of(config)
    epochs = rungs.budgets(search, config["training"]["epochs"])
    rungs.check_seeds(search)
    rungs.check_finalists(search, sum(families.values()), epochs)
    past = plan.summarize(trial for trial in trials if trial["model"] in families)
    known = sorted({one.device for one in past})
    if device is not None and device not in known:
        raise CascadaError(
            f"--device {device}: no earlier trial of {', '.join(families)} ran on it; known are {known or 'none'}."
        )
    weights = _weights(config, [model for model in families if model not in {one.model for one in past}])
    past = [one for one in past if device in (None, one.device)]
    return plan.make(
        config["experiment"], families, len(search["seeds"]), epochs, search.get("rescore"), earlier.showers(config), past,
        workplace, weights,
    )  # fmt: skip


def _weights(config: dict[str, Any], models: list[str]) -> dict[str, float]:
    """Megabytes of the weights of families, median of some of their configurations. PyTorch is imported for these alone."""
    if not models:
        return {}
    import statistics

    from cascada.experiment import spaces
    from cascada.models import build

    known = [] if config["search"]["sampler"] in PROPOSED else spaces.configurations(config)
    found = {}
    for model in models:
        some = [one.hyperparameters for one in known if one.model == model][:WEIGHED] or [{}]
        networks = [build(model, one, len(config["data"]["channels"]), len(config["data"]["classes"])) for one in some]
        found[model] = statistics.median(
            4e-6 * sum(part.numel() for part in one.state_dict().values()) for one in networks
        )
    return found


def configurations_of(config: dict[str, Any]) -> dict[str, int]:
    """Return the number of configurations of each family."""
    from cascada.experiment import batches, spaces

    search = config["search"]
    if search["sampler"] in PROPOSED:
        return batches.samples_of(search.get("samples"), list(search["models"]), search["sampler"])
    found = dict.fromkeys(search["models"], 0)
    for one in spaces.configurations(config):
        found[one.model] += 1
    return found


def _workplace(arguments: argparse.Namespace) -> Any:
    from cascada.experiment.plan import Workplace

    if arguments.profile is None:
        return Workplace(gpus=arguments.gpus)
    path = next(
        (p for p in (Path(arguments.profile), Path("profiles") / arguments.profile) if (p / "config.yaml").exists()),
        None,
    )
    if path is None:
        known = sorted(one.parent.name for one in Path("profiles").glob("*/config.yaml"))
        raise CascadaError(f"--profile {arguments.profile}: no such profile; known are {known}.")
    train = (_read_yaml(path / "config.yaml").get("set-resources") or {}).get("train") or {}
    pack, concurrent = train.get("submitit_pack", 1), train.get("submitit_concurrent", 1)
    if not all(isinstance(number, int) and number >= 1 for number in (pack, concurrent)):
        raise CascadaError(
            f"{path}/config.yaml: submitit_pack {pack!r} and submitit_concurrent {concurrent!r} given for train, "
            "whole numbers from 1 are needed."
        )
    return Workplace(gpus=arguments.gpus, concurrent=min(concurrent, pack), pack=pack)
