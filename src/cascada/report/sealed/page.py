"""The test as a page: tables of metrics.json."""

from pathlib import Path

from cascada.core.classes import background, meaning
from cascada.core.files import read_json
from cascada.core.notices import marks
from cascada.report import headlines, html
from cascada.report.sealed import calibrated
from cascada.report.sealed import mistakes as sealed_mistakes
from cascada.statistics import promise
from cascada.statistics.names import COMPARED, FEWEST_OF_CLASS, HEADLINES, OF_CLASS, TITLES
from cascada.statistics.words import interval, networks, quadrature_sum, signed, spectrum, temperature, uncertainties

TEMPLATE = "test.html.j2"
PICTURES = ("bins", "mistakes")
LONGER = {  # than in names.TITLES, where the table has room
    "ece": "expected calibration error of the likeliest class",
    "merit_factor": "merit factor on ln p/(1 − p) of the signal",
}


def write_test_page(metrics_file: Path, path: Path, mistakes: Path, best: Path | None = None) -> None:
    """Write all metrics with their intervals, whether they keep what the selection `best` promised, the baselines, what is told wrong and
    the ledger; PICTURES as they lie beside the page."""
    found = read_json(metrics_file)
    against = background(found["classes"], found["classes"].index(found["signal"]))
    html.write(
        path,
        TEMPLATE,
        found=found,
        headlines=headlines.of_test(found),
        marks=marks(found["opening"]),
        promise=promise.sentences(read_json(best), found) if best else [],
        networks=networks(found["seed"], found.get("members", ())),
        calibrated=calibrated.of_test(found) if "temperature" in found else [],
        header=calibrated.HEADER,
        temperature=temperature(found["temperature"]) if "temperature" in found else "",
        against=against,
        numbers=_numbers(found),
        few=_few(found),
        calibration=_calibration(found),
        confusion=_confusion(found),
        told=[f"told to be {name}" for name in found["classes"]],
        metrics=[*_metrics(found), *_background(found, against)],
        spectrum=_spectrum(found, against),
        uncertainties=uncertainties(found, found["settings"]["confidence"], found["showers"]),
        sets=_sets(found),
        sets_under=_sets(found, "spectrum"),
        leads=_leads(found),
        leads_under=_leads(found, "spectrum"),
        titles=[TITLES[name] for name in OF_CLASS],
        of_class=[[name, *(interval(one[metric]) for metric in OF_CLASS)] for name, one in found["of_class"].items()],
        baselines=_baselines(found),
        explained=_explained(found),
        bins=[_bin(one) for one in found["energy_bins"]],
        told_right=_told_right(found),
        mistakes=sealed_mistakes.table(sealed_mistakes.read(mistakes), found["classes"]),
        pictures={name: html.embedded(path.with_name(f"{name}.png")) for name in PICTURES},
        ledger=[_opening(one) for one in found["opening"]["ledger"]],
    )


def _spectrum(found: dict, against: str) -> dict | None:
    """The tables under a stated spectrum, None where none is stated; the metrics beside those as simulated."""
    section = found.get("spectrum")
    if section is None:
        return None
    under = found | section
    metrics = [*_metrics(under), *_background(under, against)]
    return {
        "name": spectrum(section),
        "simulated": f"E^{section['simulated']:g}",
        "effective": section["effective_showers"],
        "of_classes": ", ".join(f"{number:,.0f} {name}" for name, number in section["effective_of_class"].items()),
        "metrics": metrics,
        "of_class": [
            [name, *(interval(one[metric]) for metric in OF_CLASS)] for name, one in section["of_class"].items()
        ],
        "baselines": _baselines(under),
        "explained": _explained(under),
        "bins": [_bin(one) for one in section["energy_bins"]],
        "told_right": _told_right(under),
    }


def _sets(found: dict, section: str = "") -> list[list]:
    """Rows of the sets beside the sealed showers: what each is, its metrics and their differences; of a section of theirs."""
    rows = []
    for name, one in found.get("also", {}).items():
        part = one.get(section) if section else one
        if part is not None:
            numbers = [
                text for metric in HEADLINES for text in (interval(part[metric]), signed(part[metric]["difference"]))
            ]
            worth = part["effective_showers"] if section else one["showers"]
            rows.append([name, one["what"], "surrogate" if one["surrogate"] else "", worth, *numbers])
    return rows + ([_together(found, section)] if len(rows) > 1 else [])


def _together(found: dict, section: str) -> list:
    """The quadrature sum of the sets' differences, metric by metric."""
    parts = [part for one in found["also"].values() if (part := one.get(section) if section else one) is not None]
    sums = [quadrature_sum([part[metric]["difference"] for part in parts]) for metric in HEADLINES]
    return ["all together", "quadrature sum", "", "", *(text for value in sums for text in ("", f"{value:.4f}"))]


def _leads(found: dict, section: str = "") -> list[list]:
    """Rows of the baselines on each set: their metrics, and the network's lead over them there; of a section of the sets."""
    rows = []
    for name, one in found.get("also", {}).items():
        part = one.get(section, {}) if section else one
        for baseline, metrics in part.get("baselines", {}).items():
            numbers = [
                text for metric in HEADLINES for text in (interval(metrics[metric]), signed(metrics[metric]["lead"]))
            ]
            rows.append([name, baseline.replace("_", " "), *numbers])
    return rows


def _parts(one: dict) -> list:
    return [one["value"], one["low"], one["high"]]


def _numbers(found: dict) -> str:
    """How many showers there are of each class."""
    return ", ".join(f"{number:,} {name}" for name, number in found["showers_of_class"].items())


def _few(found: dict) -> str:
    """The classes of which there are too few showers; "" where there is none."""
    few = [f"{number} of {name}" for name, number in found["showers_of_class"].items() if number < FEWEST_OF_CLASS]
    if not few:
        return ""
    return f"Few sealed showers: {', '.join(few)}. At least {FEWEST_OF_CLASS} of each class are wanted; intervals from fewer are rough."


def _calibration(found: dict) -> str:
    """Whether the probabilities may be taken at their word; "" where chance alone would show as large an error."""
    ece = found["ece"]
    if ece["low"] <= ece["if_calibrated"]:
        return ""
    remedy = (
        ""
        if "temperature" in found
        else " selection.calibration: temperature fits one number to validation showers, which is to mend that."
    )
    return (
        f"The probabilities are not to be taken at their word: their calibration error is {interval(ece)}, where exact ones would show "
        f"{ece['if_calibrated']:.4f} by chance.{remedy}"
    )


def _confusion(found: dict) -> list[list[str]]:
    """A row for each true class: the counts of each answer with their intervals."""
    matrix = found["confusion_matrix"]
    cells = [
        [f"{value:.0f} [{low:.0f}, {high:.0f}]" for value, low, high in zip(*row, strict=True)]
        for row in zip(matrix["value"], matrix["low"], matrix["high"], strict=True)
    ]
    return [[name, *row] for name, row in zip(found["classes"], cells, strict=True)]


def _metrics(found: dict) -> list[list]:
    titles = {name: LONGER.get(name, TITLES[name]) for name in (*COMPARED, *LONGER)}
    rows = {name: [f"{title}{meaning(found, name)}", *_parts(found[name])] for name, title in titles.items()}
    chance = ["the same of exact probabilities, by chance", found["ece"]["if_calibrated"], None, None]
    return [line for name, row in rows.items() for line in ([row, chance] if name == "ece" else [row])]


def _background(found: dict, against: str) -> list[list]:
    left, quality = found["background_efficiency"], found["q_factor"]
    what = f"{against} left at {left['wanted']:.0%} {found['signal']} efficiency"
    if left["limit"]:
        limit = f"no survivor of {left['background']:,}"
        return [
            [f"{what} (upper limit)", limit, None, left["high"]],
            ["Q = ε_S/√ε_B (lower limit)", limit, quality["low"], None],
        ]
    return [[what, *_parts(left)], ["Q = ε_S/√ε_B", *_parts(quality)]]


def _baselines(found: dict) -> list[list]:
    return [
        [name.replace("_", " "), f"{TITLES[metric]}{meaning(found, metric)}", one["value"], *_parts(one["difference"])]
        for name, metrics in found["baselines"].items()
        for metric, one in metrics.items()
    ]


def _explained(found: dict) -> list[str]:
    """A sentence for each metric: which share of the lead over the simplest baseline a physicist's variables explain."""
    one = found["explained"]
    return [_share(metric, share, one) for metric, share in one["share"].items()] if one else []


def _share(metric: str, share: dict, names: dict) -> str:
    variables, over = (names[part].replace("_", " ") for part in ("variables", "over"))
    lead = f"lead over {over} in {TITLES[metric]}, {interval(share['lead'])}"
    if share["value"] is None:
        return f"The network's {lead}, is not told from 0: no share of it can be explained."
    low, high = (f"{share[part]:.0%}" for part in ("low", "high"))
    return f"Of the network's {lead}, {variables} explain {share['value']:.0%} [{low}, {high}]."


def _bin(one: dict) -> list:
    energies = f"{one['low_gev'] / 1000:.1f} to {one['high_gev'] / 1000:.1f}"
    matrix = str([[round(count) for count in row] for row in one["confusion_matrix"]["value"]])
    return [energies, one["showers"], interval(one["f1"]), interval(one["accuracy"]), matrix]


def _told_right(found: dict) -> list[tuple[str, list[list]]]:
    """A heading and a table for each variable that varies; energy has a table of its own, with F1."""
    return [
        (one["title"] + (f" [{one['unit']}]" if one["unit"] else ""), [_told(row) for row in one["rows"]])
        for name, one in found["bins"].items()
        if name != "true_energy"
    ]


def _told(row: dict) -> list:
    shares = (
        f"{interval(one)}, {one['showers']:,} showers" if one["images"] else "" for one in row["classes"].values()
    )
    return [f"{row['from']:.4g} to {row['to']:.4g}", row["showers"], interval(row), *shares]


def _opening(one: dict) -> list:
    """A row of the ledger; older lines know less."""
    commit = (one.get("git_commit") or "unknown")[:12] + (" (dirty)" if one.get("git_dirty") else "")
    seeds = ", ".join(map(str, one.get("members", [one["seed"]]))) + (
        " with a temperature" if one.get("calibration") else ""
    )
    about = [one["time"], one["configuration"], seeds, one["checkpoint_sha256"][:12], commit]
    return [*about, one.get("reopened", False), one.get("other_bits", False)]
