"""A measured composition as a picture: the observed scores of the unknown showers, and the mixture of classes that fits them."""

from pathlib import Path

import numpy as np

from cascada.report import style


def plot_composition(found: dict, path: Path) -> None:
    """Draw what `cascada.export.composition.measure` returns; one that is refused says so."""
    bins, classes = found["bins"], list(found["fractions"])
    places = np.arange(len(bins))
    drawing, axes = style.figure(7, 4)
    below = np.zeros(len(bins))
    for label, name in enumerate(classes):
        height = np.array([one["of_class"][name] for one in bins])
        axes.bar(
            places, height, 0.85, bottom=below, color=style.colour(label), alpha=0.55, label=_fraction(found, name)
        )
        below += height
    fitted, error = (np.array([one[part] for one in bins]) for part in ("fitted", "error"))
    axes.errorbar(
        places, fitted, error, fmt="none", ecolor="#444444", elinewidth=6, alpha=0.35, label="error of the templates"
    )
    observed = np.array([one["observed"] for one in bins])
    axes.errorbar(places, observed, np.sqrt(observed), fmt="ko", markersize=4, label="observed")
    axes.set(ylabel="showers", xlabel="predicted class, the surest bin first", title=_title(found))
    axes.set_xticks(places, _labels(bins), fontsize=8)
    axes.legend(frameon=False, fontsize=8)
    style.tidy(axes)
    style.save(drawing, path, found["surrogate"])


def _fraction(found: dict, name: str) -> str:
    if found["refusals"]:
        return name
    one = found["fractions"][name]
    return f"{name} {one['value']:.3f} [{one['low_with_systematics']:.3f}, {one['high_with_systematics']:.3f}]"


def _title(found: dict) -> str:
    said = f"{found['showers']} showers, E^{found['spectrum_index']:g}, goodness of fit p = {found['p_value']:.2g}"
    return f"refused: {said}" if found["refusals"] else said


def _labels(bins: list[dict]) -> list[str]:
    """The class and, from 1, the number of the bin among its own."""
    predicted = [one["predicted"] for one in bins]
    return [f"{name}\n{predicted[: place + 1].count(name)}" for place, name in enumerate(predicted)]
