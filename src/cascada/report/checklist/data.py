"""What an experiment's files say of its data to the items of REFORMS (items.py), a short paragraph each. Pure."""

from cascada.core.classes import describe
from cascada.report.checklist.evidence import Evidence


def classes(found: dict) -> str:
    return ", ".join(f"{name} ({describe(primaries)})" for name, primaries in found["classes"].items())


def population(of: Evidence) -> str:
    data = of["data"]
    kinds = sorted({row["kind"] for row in data["sources"]})
    return (
        f"Simulated air showers of {classes(data)}, {ranges(data)}, observed at {data['observation_altitude_m']:g} m "
        "above sea "
        f"level; made by {', '.join(kinds)}."
    )


def ranges(data: dict) -> str:
    """The energies and zenith angles of the training showers, where they are known."""
    known = {name: limits for name, limits in (data.get("ranges") or {}).items() if limits}
    said = []
    if "true_energy" in known:
        said.append(f"{known['true_energy'][0] / 1000:.3g} to {known['true_energy'][1] / 1000:.3g} TeV")
    if "zenith" in known:
        said.append(f"zenith angles from {known['zenith'][0]:.3g} to {known['zenith'][1]:.3g} rad")
    return ", ".join(said) or "of energies that the files do not tell"


def counts(of: Evidence) -> str:
    rows = [
        f"{split}: {', '.join(f'{number} {name}' for name, number in counts.items())}"
        for split, counts in of["data"]["counts"].items()
    ]
    return "; ".join(rows)


def dataset(of: Evidence) -> str:
    data = of["data"]
    return (
        f"`dataset/train.h5` (training and validation), sha256 `{data['train_sha256']}`, and the sealed "
        "`dataset/test.h5`, sha256 "
        f"`{data['test_sha256']}`; data model {data['data_model_version']}, {data['showers']} images."
    )


def sources(of: Evidence) -> str:
    rows = of["data"]["sources"]
    kinds = {kind: sum(row["kind"] == kind for row in rows) for kind in sorted({row["kind"] for row in rows})}
    said = ", ".join(f"{number} of kind `{kind}`" for kind, number in kinds.items())
    return (
        f"{len(rows)} files or runs: {said}; each with its sha256 in `dataset/summary.json`. Labels are the primaries "
        "that were simulated. "
        "Training, validation and test showers come from the same sources."
    )


def frame(of: Evidence) -> str:
    split = of["data"]["split"]
    return (
        f"All showers of these sources, {ranges(of['data'])}; {split['test']:.0%} of them drawn at random for the "
        f"test and {split['validation']:.0%} "
        f"for validation, the same share of each primary (seed {split['seed']}); files that are given for one purpose "
        "keep it."
    )


def outcome(of: Evidence) -> str:
    signal = f" The signal is {of['data']['signal']}." if of["data"].get("signal") else ""
    return f"The class of the primary particle that was simulated: {classes(of['data'])}.{signal} {counts(of)}."


def sizes(of: Evidence) -> str:
    said = f"{of['data']['showers']} images ({counts(of)})."
    return said + (f" The test has {of['test']['showers']} showers." if of["test"] else "")


def missing_data(of: Evidence) -> str:
    data = of["data"]
    whole = data["checks"]["images_finite_and_not_negative"]
    images = (
        "Every pixel has a finite energy that is not negative"
        if whole
        else "**Some images are not finite or negative**"
    )
    shares = ", ".join(f"0 % of {name}" for name in data["classes"]) if whole else "not counted"
    known = [name.replace("_", " ") for name, limits in (data.get("ranges") or {}).items() if limits]
    return (
        f"{images}, and every image has a label. Missing of images and labels: {shares}. Of what is for evaluation alone, known are: "
        f"{', '.join(known) or 'none'}. {skipped(data)} The class of a file that was skipped is not counted."
    )


def skipped(data: dict) -> str:
    number = len(data.get("skipped") or [])
    return (
        f"{number} raw files could not be read and were skipped (`dataset/skipped.tsv`)."
        if number
        else "No raw file was skipped."
    )


def excluded(of: Evidence) -> str:
    left_out = of["data"].get("left_out") or {}
    particles = "; ".join(f"{value:.6g} {name}" for name, value in left_out.items())
    said = f" Left out of the images: {particles}." if particles else ""
    return f"{skipped(of['data'])} No shower is excluded by its properties.{said}"


def corrupt(of: Evidence) -> str:
    checks = of["data"]["checks"]
    return (
        "Readers refuse records, energies and angles that are impossible, and files that end early; images that are "
        "not finite stop the "
        f"workflow. Found twice in one file: {checks.get('showers_twice_in_one_file', 0)} showers; in two files: "
        "refused."
    )


def transformations(of: Evidence) -> str:
    channels = ", ".join(of["data"]["channels"])
    neutrinos = "" if of["data"]["data_model_version"] == 1 else "; neutrinos do not count"
    said = f"Energy at ground summed in cells of 4 m within 160 m (channels: {channels}{neutrinos})."
    if of["best"]:
        given = of["best"]["hyperparameters"]
        said += (
            f" Before the network: transform `{given.get('transform')}`, threshold {given.get('threshold')}, "
            "normalisation "
            f"{given.get('normalize')}, fitted on the training showers and part of the exported graph."
        )
    return said + " Flow chart of the stages and files: docs/architecture.md."


def separation(of: Evidence) -> str:
    return (
        "The transform is fitted on training showers, checkpoint and configuration are chosen on validation showers. "
        "Only the rule "
        "`test_model` reads `dataset/test.h5`, after the choice is frozen (a test of the workflow proves it)."
    )


def duplicates(of: Evidence) -> str:
    checks = of["data"]["checks"]
    return (
        "All images of a shower are in one split. Showers in training and test: "
        f"{checks['showers_in_train_and_test']}; images in "
        f"several splits: {checks['images_in_several_splits']}. Showers are known by image and by run, event, "
        "primary, energy and direction."
    )


def legitimate(of: Evidence) -> str:
    checks = of["data"]["checks"]
    known = {"total energy": "auc_of_total_energy", "core offset": "auc_of_core_offset", "muon number": "auc_of_muons"}
    areas = [f"{name} {checks[key]:.3f}" for name, key in known.items() if checks.get(key) is not None]
    return (
        "The input is the image at ground; energy, direction and muon number of the simulation are for evaluation "
        "alone. ROC AUC of single "
        f"variables, over all showers: {', '.join(areas)}."
        + (" Leak probes: `test/behaviour.json`." if of["behaviour"] else "")
    )


def limits(of: Evidence) -> str:
    return (
        f"Outside of {ranges(of['data'])}, at another altitude than {of['data']['observation_altitude_m']:g} m, for "
        "other primaries than those named; "
        "with other interaction models than those of the simulation, unless they were tested (`testing.also`)."
    )
