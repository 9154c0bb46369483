"""A measured composition for people: as text. The picture is in composition_picture.py."""

from collections.abc import Sequence

from cascada.core.notices import SURROGATE


def text(found: dict) -> str:
    """Lines from what `cascada.export.composition.measure` returns."""
    version = f" {found['model_version']}" if found["model_version"] else ""
    low, high = found["energies_gev"]
    lines = [
        f"Composition of {found['showers']} showers by {found['model']}{version}, for dN/dE ∝ "
        f"E^{found['spectrum_index']:g} "
        f"from {low / 1000:.3g} to {high / 1000:.3g} TeV",
        *_table(found),
        *_systematics(found),
        f"Goodness of fit: p = {found['p_value']:.2g} in {len(found['bins'])} bins of the score.",
        "Templates: " + "; ".join(_template(name, one) for name, one in found["test"].items()) + ".",
        *found["remarks"],
    ]
    return "\n".join(lines + [SURROGATE] * found["surrogate"])


def _template(name: str, one: dict) -> str:
    return f"{one['showers']:.0f} test showers of {name}, worth {one['worth']:.0f} under the spectrum"


def _table(found: dict) -> list[str]:
    confidence = f"{100 * found['confidence']:g} %"
    rows = [("class", "fraction", f"statistical, {confidence}", "with systematics")]
    for name, one in found["fractions"].items():
        whole = f"[{one['low_with_systematics']:.3f}, {one['high_with_systematics']:.3f}]"
        rows.append((name, f"{one['value']:.3f}", f"[{one['low']:.3f}, {one['high']:.3f}]", whole))
    return _columns(rows)


def _systematics(found: dict) -> list[str]:
    classes = list(found["fractions"])
    rows = [("shift of the fraction with another", *classes)]
    for name, shift in found["shifts"].items():
        errors = found["errors_of_shifts"][name]
        rows.append((name, *(f"{shift[one]:+.4f} ± {errors[one]:.4f}" for one in classes)))
    further = set(found["systematics"]) - {name for name in found["systematics"] if name.startswith("spectrum, ")}
    none = [] if further else ["  no further sets of showers: the model was tested on none (testing.also)"]
    return [*(_columns(rows) if len(rows) > 1 else []), *none]


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
