"""Where an experiment's results are, below `results/<experiment>`. Standard library only.

The rules write the same paths literally, as Snakefiles are read; a test compares.
"""

from pathlib import Path

RESULTS = Path("results")  # of all experiments

DATASET = "dataset"
TRAIN, TEST = "dataset/train.h5", "dataset/test.h5"
SUMMARY, DATA_CARD, SKIPPED = "dataset/summary.json", "dataset/card.json", "dataset/skipped.tsv"
CONFIGURATIONS, SEARCH = "search/configurations.tsv", "search/search.json"
LEADERBOARD, BEST = "selection/leaderboard.tsv", "selection/best.json"
METRICS, PREDICTIONS, BEHAVIOUR = "test/metrics.json", "test/predictions.h5", "test/behaviour.json"
MODEL, MODEL_CHECK = "model", "model_check.json"
TENSORBOARD = "tensorboard"

TRIALS = "trials/*/seed-*/epochs-*"  # a folder each


def trial_of(folder: Path) -> tuple[str, int, int]:
    """Configuration, seed and epochs of a trial's folder."""
    configuration, seed, epochs = folder.parts[-3:]
    return configuration, int(seed.removeprefix("seed-")), int(epochs.removeprefix("epochs-"))


def training_log(results: Path, configuration: str, seed: int, epochs: int) -> Path:
    return results / f"logs/train/{configuration}/seed-{seed}-epochs-{epochs}.log"
