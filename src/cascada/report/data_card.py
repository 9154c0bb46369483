"""The data card: what is in the data set and whether something is wrong with it, from summary.json and train.h5 alone."""

import sys
from pathlib import Path

import numpy as np

from cascada.core.files import read_json, write_json
from cascada.core.notices import SURROGATE
from cascada.data import checks
from cascada.data.format import HALF_WIDTH, IMAGES, open_showers, read_events

EXAMPLES = 3  # showers per class


def write_card(summary: Path, train: Path, folder: Path, provenance: dict | None = None) -> dict:
    """Write card.json, spectra.png and examples.png into `folder`; return the card. Its warnings go to stderr, too."""
    content = read_json(summary)
    card = content | {"warnings": warnings(content), "provenance": provenance or {}}
    _plot_spectra(content, folder / "spectra.png")
    _plot_examples(train, content, folder / "examples.png")
    write_json(folder / "card.json", card)
    for warning in card["warnings"]:
        print(f"Warning: {warning}", file=sys.stderr)
    return card


def warnings(summary: dict) -> list[str]:
    """What a careful reader would object to; pure."""
    found, results = [], summary["checks"]
    if summary["surrogate"]:
        found.append(SURROGATE)
    if results["showers_in_train_and_test"]:
        found.append(f"{results['showers_in_train_and_test']} showers are in both the training and the test file.")
    if results["images_in_several_splits"]:
        found.append(
            f"{results['images_in_several_splits']} images are in more than one split: look for showers that the raw "
            "files contain twice."
        )
    if results.get("showers_twice_in_one_file"):
        found.append(
            f"{results['showers_twice_in_one_file']} showers appear twice in one raw file: they are kept in one split, and "
            "count twice."
        )
    if summary.get("skipped"):
        found.append(
            f"{len(summary['skipped'])} raw file(s) could not be read and were skipped: skipped.tsv has the reasons."
        )
    if results["class_imbalance"] > checks.LARGEST_IMBALANCE:
        found.append(
            f"The classes are not balanced: the largest has {results['class_imbalance']:.0%} more than the mean."
        )
    if results["ks_distance_of_energies"] > results["ks_limit_at_1_percent"]:
        found.append(
            f"The energy spectra of {_classes(summary, 'ks_distance_of_energies')} differ: "
            f"KS distance {results['ks_distance_of_energies']:.3f}, "
            f"{results['ks_limit_at_1_percent']:.3f} would be exceeded by chance in 1% of cases."
        )
    limits = {
        "auc_of_total_energy": checks.LARGEST_AUC_OF_TOTAL_ENERGY,
        "auc_of_core_offset": checks.LARGEST_AUC_OF_CORE_OFFSET,
    }
    for name, limit in limits.items():
        if results[name] is not None and results[name] > limit:
            what = name.removeprefix("auc_of_").replace("_", " ")
            found.append(
                f"The {what} alone separates {_classes(summary, name)} with AUC {results[name]:.3f} "
                f"(at most {limit} expected)."
            )
    return found + _missing_primaries(summary)


def _classes(summary: dict, check: str) -> str:
    """The two classes that a check is of, where there are others."""
    pair = summary.get("worst_pairs", {}).get(check, [])
    return " and ".join(pair) if len(summary["classes"]) > 2 and pair else "the classes"


def _missing_primaries(summary: dict) -> list[str]:
    """Primaries of a group that a split has none of: what is said of the class does not hold for them."""
    found = []
    for name, primaries in summary.get("counts_by_primary", {}).items():
        for code, counts in primaries.items():
            splits = [split for split, number in counts.items() if not number]
            if splits:
                where = "the data" if len(splits) == len(counts) else f"the split(s) {', '.join(splits)}"
                found.append(f"The class {name} names the primary {code}, but {where} hold no shower of it.")
    return found


def _plot_spectra(summary: dict, path: Path) -> None:
    from cascada.report import style

    edges = np.array(summary["energy_edges_gev"]) / 1000
    drawing, axes = style.figure(9, 3.4, 1, 3, sharey=True)
    for panel, (split, spectra) in zip(axes, summary["energy_spectra"].items(), strict=True):
        for label, (name, counts) in enumerate(spectra.items()):
            panel.stairs(counts, edges, color=style.colour(label), linewidth=1.6, label=f"{name} ({sum(counts)})")
        panel.set_title(split)
        style.energy_axis(panel.xaxis)
        panel.legend(frameon=False, fontsize=8)
        style.tidy(panel)
    axes[0].set_ylabel("showers per bin")
    style.save(drawing, path, summary["surrogate"])


def _plot_examples(train: Path, summary: dict, path: Path) -> None:
    from matplotlib.colors import LogNorm

    from cascada.report import style

    classes = list(summary["classes"])
    drawing, axes = style.figure(
        3 * EXAMPLES, 2.9 * len(classes), len(classes), EXAMPLES, squeeze=False, sharex=True, sharey=True
    )
    norm = LogNorm(1e-2, 1e2)
    with open_showers(train) as file:
        events = read_events(file)
        for label, name in enumerate(classes):
            rows = np.flatnonzero(events["label"] == label)
            # spread over the energies, so that faint and bright ones are seen
            rows = rows[np.argsort(events["true_energy"][rows])][
                (np.linspace(0.1, 0.9, EXAMPLES) * len(rows)).astype(int)
            ]
            for panel, row in zip(axes[label], rows, strict=False):
                shown = panel.imshow(
                    file[IMAGES][row][0], norm=norm, origin="lower", extent=[-HALF_WIDTH, HALF_WIDTH] * 2, cmap="magma"
                )
                panel.set_facecolor("black")
                panel.set_title(f"{name}, {events['true_energy'][row] / 1000:.1f} TeV", fontsize=9)
    for panel in axes[-1]:
        panel.set_xlabel("x [m]")
    for panel in axes[:, 0]:
        panel.set_ylabel("y [m]")
    drawing.colorbar(shown, ax=axes, label="energy at ground [GeV per 4 m cell]", shrink=0.8)
    style.save(drawing, path, summary["surrogate"])
