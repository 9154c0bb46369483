"""Folders of raw files as they are: companions beside them, one named twice, one cut short; from the dry-run to predictions."""

import csv
import json
import shutil

import h5py
import pytest
import yaml
from corsika_writer import Shower, random_rows, write_corsika
from workflows import jobs, snakemake

pytestmark = pytest.mark.workflow
EXPERIMENT = "experiments/files.yaml"


def particle_file(path, run, primary):
    made = [Shower(primary=primary, particles=random_rows(300, seed=100 * run + number)) for number in range(12)]
    return write_corsika(path, made, run=run)


@pytest.fixture(scope="module")
def folder(workflow):
    """Beside the finished demonstration: raw files of two primaries, what CORSIKA writes beside them, and an experiment."""
    raw = workflow / "raw"
    for run, primary in ((100001, 14), (100002, 14), (200001, 5626), (200002, 5626)):
        raw.mkdir(exist_ok=True)
        particle_file(raw / f"DAT{run}", run, primary)
        (raw / f"DAT{run}.long").write_text("LONGITUDINAL DISTRIBUTION")
    content = yaml.safe_load((workflow / "experiments/smoke.yaml").read_text())
    names = {"protons": "raw/DAT1*", "irons": "raw/DAT2*"}
    content["data"]["sources"] = {name: {"kind": "corsika7", "files": [pattern]} for name, pattern in names.items()}
    content["predictions"] = {"folder": "raw", "model": "results/smoke/model"}
    yield write(workflow, content | {"experiment": "files"})
    (workflow / EXPERIMENT).unlink()
    for name in (raw, workflow / "results/files"):
        shutil.rmtree(name, ignore_errors=True)


def write(workflow, content):
    (workflow / EXPERIMENT).write_text(yaml.safe_dump(content, sort_keys=False))
    return workflow


def change(folder, **settings):
    """Set keys of every source, and of `predictions`."""
    content = yaml.safe_load((folder / EXPERIMENT).read_text())
    for part in (*content["data"]["sources"].values(), content["predictions"]):
        part.update(settings)
    return write(folder, content)


def run(folder, *arguments, **options):
    """Run Snakemake; returns the process and all that it said."""
    done = snakemake(folder, *arguments, configfile=EXPERIMENT, **options)
    return done, done.stdout + done.stderr


def test_companions_are_left_out_and_said(folder):
    done, said = run(folder, "-n", "data")
    assert jobs(done).count("convert") == 4
    assert "data.sources.protons.files: left out raw/DAT100001.long, raw/DAT100002.long: by their names" in said
    done, said = run(folder, "-n", "predictions")
    assert jobs(done).count("predict") == 4 and "predictions.pattern: left out raw/DAT100001.long" in said


def test_what_cannot_be_read_stops_the_dry_run(folder):
    stranger = folder / "raw/DAT100003"
    stranger.write_text("Dear all")
    try:
        for target in ("data", "predictions"):
            done, said = run(folder, "-n", target, check=False)
            assert done.returncode == 1
            assert "raw/DAT100003 (a text file that begins with" in said
    finally:
        stranger.unlink()


def test_a_file_named_twice_stops_the_dry_run(folder):
    link = folder / "raw/DAT200003"
    link.symlink_to("DAT100001")
    try:
        done, said = run(folder, "-n", "data", check=False)
        assert done.returncode == 1
        assert "raw/DAT200003 and raw/DAT100001 (data.sources.protons) are the same file" in said
    finally:
        link.unlink()


def test_a_file_that_is_cut_short_stops_or_is_skipped(folder):
    whole = (folder / "raw/DAT100001").read_bytes()
    particle_file(folder / "raw/DAT100003", 100003, 14)
    short = folder / "raw/DAT100003"
    short.write_bytes(short.read_bytes()[: len(whole) // 2])
    done, said = run(folder, "data", check=False)
    assert done.returncode == 1 and "DAT100003: in shower" in said
    assert not (folder / "results/files/dataset/summary.json").exists()

    change(folder, on_error="skip")
    run(folder, "data", "predictions")
    results = folder / "results/files"
    summary = json.loads((results / "dataset/summary.json").read_text())
    assert summary["showers"] == 48 and [row["file"] for row in summary["skipped"]] == ["DAT100003"]
    assert "ends without RUNE" in summary["skipped"][0]["reason"]
    assert "ends without RUNE" in (results / "dataset/skipped.tsv").read_text()
    assert "ends without RUNE" in (results / "dataset/card.html").read_text()
    assert "1 raw file(s) could not be read" in " ".join(
        json.loads((results / "dataset/card.json").read_text())["warnings"]
    )
    with (results / "predictions.tsv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert [row["showers"] for row in rows.values()] == ["12", "12", "0", "12", "12"]
    assert "ends without RUNE" in rows["DAT100003"]["skipped"] and not rows["DAT100001"]["skipped"]
    with h5py.File(results / "predictions/DAT100003.h5") as file:
        assert file["probability"].shape == (0, 2) and len(file["skipped"]) == 1

    particle_file(short, 100003, 14)  # mended, it is converted, and nothing else is
    done, said = run(folder, "-n", "data")
    assert jobs(done).count("convert") == 1 and "merge" in jobs(done)
