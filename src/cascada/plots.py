"""Pictures of the search and of the test, from files that are there already."""

import csv
from pathlib import Path

import h5py
import numpy as np

from cascada import plotting
from cascada.data.format import HALF_WIDTH
from cascada.files import read_json

MOST_BARS, MOST_CURVES = 30, 6


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def plot_leaderboard(leaderboard: Path, summary: Path, metric: str, path: Path) -> None:
    """The mean and spread over seeds of the deciding metric, the best configuration on top."""
    rows = [row for row in _rows(leaderboard) if row[f"validation_{metric}_mean"]][:MOST_BARS]
    diverged = sum(row["status"] != "completed" for row in _rows(leaderboard))
    drawing, axes = plotting.figure(7.5, 1.4 + 0.28 * len(rows))
    models = sorted({row["model"] for row in rows})
    for place, row in enumerate(rows):
        colour = plotting.COLOURS[models.index(row["model"]) % len(plotting.COLOURS)]
        spread = float(row[f"validation_{metric}_spread"] or 0)
        axes.errorbar(float(row[f"validation_{metric}_mean"]), place, xerr=spread, fmt="o", color=colour, capsize=3)
    axes.set_yticks(range(len(rows)), [row["configuration"] for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"validation {metric} (mean and spread over seeds)")
    axes.set_title(f"{diverged} configuration(s) diverged" if diverged else "no configuration diverged", fontsize=9)
    plotting.tidy(axes)
    plotting.save(drawing, path, read_json(summary)["surrogate"])


def plot_learning_curves(leaderboard: Path, histories: list[Path], summary: Path, path: Path) -> None:
    """Loss and F1 against the epoch for the best configurations; dashed: training, solid: validation."""
    best = [row["configuration"] for row in _rows(leaderboard)[:MOST_CURVES]]
    drawing, axes = plotting.figure(9, 3.8, 1, 2)
    for history in histories:
        configuration = history.parts[-4]
        if configuration not in best:
            continue
        rows, colour = _rows(history), plotting.COLOURS[best.index(configuration) % len(plotting.COLOURS)]
        epochs = [int(row["epoch"]) for row in rows]
        for panel, name in zip(axes, ("loss", "f1"), strict=True):
            panel.plot(
                epochs, [float(row[f"training_{name}"]) for row in rows], "--", color=colour, linewidth=1, alpha=0.7
            )
            label = configuration if name == "loss" and history.parts[-3].endswith("-1") else None
            panel.plot(
                epochs, [float(row[f"validation_{name}"]) for row in rows], color=colour, marker=".", label=label
            )
    for panel, name in zip(axes, ("cross entropy", "F1"), strict=True):
        panel.set(xlabel="epoch", ylabel=name)
        panel.xaxis.get_major_locator().set_params(integer=True)
        plotting.tidy(panel)
    axes[0].legend(frameon=False, fontsize=7, title="solid: validation, dashed: training", title_fontsize=7)
    plotting.save(drawing, path, read_json(summary)["surrogate"])


def plot_test(predictions: Path, metrics_file: Path, folder: Path) -> None:
    """roc.png, confusion.png, scores.png, accuracy_energy.png and mistakes.png from the test's predictions."""
    found = read_json(metrics_file)
    with h5py.File(predictions, "r") as file:
        probability, labels = file["probability"][:], file["label"][:]
        mistakes, rows = file["mistakes/images"][:], file["mistakes/row"][:]
        energy = file["true_energy"][:]
    surrogate, classes = found["surrogate"], found["classes"]
    _roc(probability[:, 1], labels == 1, found, surrogate, folder / "roc.png")
    _confusion(found["confusion_matrix"], classes, surrogate, folder / "confusion.png")
    _scores(probability[:, 1], labels, classes, surrogate, folder / "scores.png")
    _accuracy_energy(found["energy_bins"], surrogate, folder / "accuracy_energy.png")
    about = [
        (classes[labels[row]], classes[probability[row].argmax()], probability[row].max(), energy[row]) for row in rows
    ]
    _mistakes(mistakes, about, surrogate, folder / "mistakes.png")


def _roc(score: np.ndarray, positive: np.ndarray, found: dict, surrogate: bool, path: Path) -> None:
    order = np.argsort(-score, kind="stable")
    true, false = np.cumsum(positive[order]) / positive.sum(), np.cumsum(~positive[order]) / (~positive).sum()
    drawing, axes = plotting.figure(5, 4.6)
    axes.plot(np.r_[0, false], np.r_[0, true], color=plotting.COLOURS[1])
    axes.plot([0, 1], [0, 1], ":", color="grey")
    auc = found["roc_auc"]
    axes.set(
        xlabel=f"{found['classes'][0]} taken for {found['classes'][1]}",
        ylabel=f"{found['classes'][1]} efficiency",
        title=f"AUC {auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]",
    )
    plotting.tidy(axes)
    plotting.save(drawing, path, surrogate)


def _confusion(matrix: dict, classes: list[str], surrogate: bool, path: Path) -> None:
    counts = np.array(matrix["value"])
    shares = counts / counts.sum(axis=1, keepdims=True)
    drawing, axes = plotting.figure(4.8, 4.2)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        low, high = matrix["low"][row][column], matrix["high"][row][column]
        text = f"{count:.0f}\n[{low:.0f}, {high:.0f}]\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="true")
    plotting.save(drawing, path, surrogate)


def _scores(score: np.ndarray, labels: np.ndarray, classes: list[str], surrogate: bool, path: Path) -> None:
    drawing, axes = plotting.figure(6, 4)
    for label, name in enumerate(classes):
        axes.hist(
            score[labels == label],
            np.linspace(0, 1, 41),
            histtype="step",
            linewidth=1.6,
            label=name,
            color=plotting.COLOURS[label],
        )
    axes.set(yscale="log", xlabel=f"probability of {classes[1]}", ylabel="test showers per bin")
    axes.legend(frameon=False)
    plotting.tidy(axes)
    plotting.save(drawing, path, surrogate)


def _accuracy_energy(bins: list[dict], surrogate: bool, path: Path) -> None:
    drawing, axes = plotting.figure(6, 4)
    for one in bins:
        centre, accuracy = np.sqrt(one["low_gev"] * one["high_gev"]) / 1000, one["accuracy"]
        width = [[centre - one["low_gev"] / 1000], [one["high_gev"] / 1000 - centre]]
        height = [[accuracy["value"] - accuracy["low"]], [accuracy["high"] - accuracy["value"]]]
        axes.errorbar(
            centre,
            accuracy["value"],
            yerr=np.maximum(height, 0),
            xerr=width,
            fmt="o",
            color=plotting.COLOURS[1],
            capsize=3,
        )
    plotting.energy_axis(axes.xaxis)
    axes.set_ylabel("test accuracy")
    plotting.tidy(axes)
    plotting.save(drawing, path, surrogate)


def _mistakes(images: np.ndarray, about: list[tuple], surrogate: bool, path: Path) -> None:
    from matplotlib.colors import LogNorm

    drawing, axes = plotting.figure(10, 5.4, 2, 4, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, image, (truth, predicted, probability, energy) in zip(axes.flat, images, about, strict=False):
        panel.set_axis_on()
        panel.imshow(
            image[0], norm=LogNorm(1e-2, 1e2), origin="lower", extent=[-HALF_WIDTH, HALF_WIDTH] * 2, cmap="magma"
        )
        panel.set_facecolor("black")
        panel.set_title(f"{truth}, {energy / 1000:.1f} TeV\ntaken for {predicted} ({probability:.3f})", fontsize=8)
        panel.tick_params(labelsize=6)
    drawing.suptitle("Most confident mistakes (axes in m)" if len(images) else "No mistakes", fontsize=10)
    plotting.save(drawing, path, surrogate)
