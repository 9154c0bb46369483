"""Run all probes on a model under pytest: behaviour.xml for machines, behaviour.json for publishing and for the report.

A model that fails is a result, and the run succeeds; a probe that crashes ends it.
"""

import contextlib
import io
import os
from pathlib import Path

import pytest

from cascada.behaviour import predictors
from cascada.behaviour.probes import PROBES
from cascada.behaviour.settings import Settings
from cascada.behaviour.subject import Recipe, Subject
from cascada.core.classes import index
from cascada.core.errors import CascadaError
from cascada.core.files import atomic_path, read_json, sha256, write_json
from cascada.core.provenance import provenance
from cascada.statistics import weights
from cascada.statistics.verdicts import FAILED, GATE, UNDECIDED, WARN, conclusion, names


def test_behaviour(
    *,
    best: Path,
    checkpoint: Path,
    train: Path,
    xml: Path,
    report: Path,
    settings: dict,
    device: str,
    threads: int,
    spectrum: dict | None = None,
) -> dict:
    """Probe the selected model on validation showers; write `xml` (JUnit) and `report`; return the latter's content.

    `spectrum`: `spectrum_index` and `simulated_index` where a spectrum is stated, under which everything is measured once more.
    """
    from cascada.core import machine
    from cascada.data.format import open_showers, read_header, read_sources

    machine.use_deterministically(threads)
    where, chosen, limits = str(machine.choose_device(device)), read_json(best), Settings.of(settings)
    recipe = Recipe(
        data=train, model=chosen["model"], hyperparameters=chosen["hyperparameters"], threads=threads, device=where
    )
    predictor, unaveraged = predictors.from_checkpoint(checkpoint, where), predictors.unaveraged(checkpoint, where)
    subject = Subject.read(train, predictor, limits, recipe, unaveraged)
    about = _weigh(subject, spectrum or {})
    probes = run(subject, xml)
    with open_showers(train) as file:
        surrogate = any(row.kind == "surrogate" for row in read_sources(file))
        header = read_header(file)
    content = {
        "conclusion": conclusion(probes),
        "gates_failed": names(probes, GATE, FAILED),
        "gates_undecided": names(probes, GATE, UNDECIDED),
        "warnings": names(probes, WARN, FAILED) + names(probes, WARN, UNDECIDED, kept=False),
        "probes": probes,
        "showers": len(subject.events),
        **about,
        "confidence": limits.confidence,
        "surrogate": surrogate,
        "classes": list(header.classes),
        "signal": header.classes[index(header.classes, header.signal)],
        **{name: chosen[name] for name in ("configuration", "seed", "checkpoint_sha256")},
        **({"members": [one["seed"] for one in chosen["members"]]} if "members" in chosen else {}),
        "data_sha256": sha256(train),
        "provenance": provenance(train=sha256(train)),
    }
    write_json(report, content)
    return content


def _weigh(subject: Subject, spectrum: dict) -> dict:
    """Give the subject its weights under a stated spectrum; return what behaviour.json says of it, nothing where none is stated."""
    if spectrum.get("spectrum_index") is None:
        return {}
    index, simulated = spectrum["spectrum_index"], spectrum["simulated_index"]
    subject.weight = weights.spectrum_weights(subject.events["true_energy"], index, simulated)
    worth = weights.effective_number(subject.weight, subject.events["shower_id"])
    return {"spectrum": {"index": index, "simulated": simulated, "effective_showers": worth}}


def run(subject: Subject, xml: Path) -> list[dict]:
    """Run every probe as a test of pytest; return the judged measurements. Raises what a probe raised."""
    plugin, said = _Plugin(subject), io.StringIO()
    file = Path(__file__).with_name("checks.py")
    with atomic_path(xml) as temporary:
        with contextlib.redirect_stdout(said):  # pytest wants more of a stream than a rule's log is
            # without the configuration, conftest.py, plug-ins and cache of whatever folder this runs or lies in
            status = pytest.main(
                [
                    str(file), "-q", "-rfExX", f"--rootdir={file.parent}", "-c", os.devnull, "--capture=sys",
                    "--noconftest", "-p", "no:cacheprovider", "--import-mode=importlib", f"--junitxml={temporary}",
                    "-o", "junit_suite_name=behaviour", "-o", "junit_family=xunit1",
                ],
                plugins=[plugin],
            )  # fmt: skip
        print(said.getvalue())
        if plugin.crash:
            raise plugin.crash
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or plugin.ran != list(PROBES):
            raise CascadaError(f"The behaviour tests did not run to their end (pytest: {status!r}): {plugin.ran}.")
    return plugin.judged


class _Plugin:
    """Gives the tests their subject and keeps what they measure."""

    def __init__(self, subject: Subject):
        self.subject = subject
        self.judged: list[dict] = []
        self.ran: list[str] = []
        self.crash: Exception | None = None

    def run(self, probe: str) -> list[dict]:
        try:
            limits = self.subject.settings.limits
            judged = [one.judged(limits[one.name]) | {"probe": probe} for one in PROBES[probe](self.subject)]
        except Exception as error:
            self.crash = self.crash or error
            raise
        self.ran.append(probe)
        self.judged += judged
        return judged

    @pytest.fixture
    def behaviour(self) -> "_Plugin":
        return self
