"""From surrogate showers over a trained network to fractions: of sets whose composition is known, each by its own showers."""

import json

import frozen
import pytest

from cascada.cli import main
from cascada.core.files import read_json
from cascada.data.format import IRON, PROTON
from cascada.data.merging import MergeOptions, merge
from cascada.data.sources import convert, make_options
from cascada.data.sources.surrogate import Run

pytestmark = [pytest.mark.training, pytest.mark.nightly]
TRUE, SEEDS, SHOWERS = (0.2, 0.5, 0.9), (101, 102, 103, 104), 200


def simulate(path, seed, iron, proton):
    """Surrogate showers of both kinds in one file, log-uniform in energy, with their true energies and without anyone's labels."""
    runs = [Run(primary=IRON, showers=iron, seed=seed), Run(primary=PROTON, showers=proton, seed=seed)]
    convert("surrogate", runs, path, make_options("surrogate", {}))
    return path


def dataset(folder):
    folder.mkdir(parents=True)
    shard, classes = simulate(folder / "both.h5", 1, 600, 600), {"iron": IRON, "proton": PROTON}
    options = MergeOptions(classes=classes, test_fraction=0.4, seed=1)
    merge([shard], folder / "train.h5", folder / "test.h5", folder / "summary.json", options)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    results = frozen.train_trials(tmp_path_factory.mktemp("loop") / "results", dataset, epochs=3)
    frozen.select(results, results / "chosen", calibration="temperature")
    frozen.open_seal(results, results / "chosen")
    return frozen.export(results, results / "chosen")


def measured(model, folder, iron, seed, capsys):
    """What the commands say of a set with this share of iron."""
    number = round(iron * SHOWERS)
    unknown = simulate(folder / f"unknown-{iron}-{seed}.h5", seed + 1000 * number, number, SHOWERS - number)
    predicted = folder / f"predicted-{iron}-{seed}.h5"
    assert main(["predict", str(model), str(unknown), "-o", str(predicted)]) == 0
    capsys.readouterr()
    assert main(["composition", str(model), str(predicted), "--index", "-1", "--index-change", "0", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_known_fractions_lie_in_their_intervals(model, tmp_path, capsys):
    """Of twelve 95 % intervals three may miss, which chance does in one case of 450 at most; the mean of the pulls has an error of 0.29."""
    assert (
        read_json(model / "model.json")["test"]["roc_auc"]["low"] > 0.7
    )  # it has learned something, and is not perfect
    inside, pulls, widths = [], [], []
    for iron in TRUE:
        for seed in SEEDS:
            found = measured(model, tmp_path, iron, seed, capsys)
            one = found["fractions"]["iron"]
            assert found["showers"] == SHOWERS and found["surrogate"]
            inside.append(one["low"] <= iron <= one["high"])
            pulls.append((one["value"] - iron) / (one["high"] - one["low"]) * 2 * 1.96)
            widths.append(one["high"] - one["low"])
    print(json.dumps({"inside": inside, "pulls": pulls, "widths": widths}))
    assert sum(inside) >= len(inside) - 3, pulls
    assert abs(sum(pulls) / len(pulls)) < 1
    assert max(widths) < 0.4  # narrower than a guess
