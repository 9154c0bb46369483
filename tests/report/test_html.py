"""Pages of the report: templates filled from files, escaped, with their warnings; and the sums of what a search cost."""

import json
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from showers import small_dataset

from cascada.core.files import write_json
from cascada.core.notices import SURROGATE
from cascada.report import costs_page, data_page, html
from cascada.training import costs

ROOT = Path(__file__).parents[2]


def simple_page(folder, rows):
    """The simplest page, of any table."""
    html.write(folder / "page.html", "costs.html.j2", headlines=[], tables={"trial": (["name", "value"], rows)})
    return (folder / "page.html").read_text()


def test_text_is_escaped_and_numbers_are_short(tmp_path):
    found = simple_page(
        tmp_path, [["<b>", 0.123456], ["n", 12345], ["none", None], ["ok", True], ["x" * 71, "0.0e+00"]]
    )
    assert "&lt;b&gt;" in found and "<b>" not in found
    for cell in (
        "<td>0.1235</td>",
        "<td>12,345</td>",
        "<td>yes</td>",
        "<td></td>",
        '<td class="text long">xxx',
        "<td>0.0e+00</td>",
    ):
        assert cell in found, cell


def test_a_name_that_a_template_misses_is_an_error(tmp_path):
    with pytest.raises(UndefinedError, match="'tables' is undefined"):
        html.write(tmp_path / "page.html", "costs.html.j2", headlines=[], header=[])
    assert not list(tmp_path.iterdir())


def test_every_template_is_packed_and_named_by_a_module():
    modules = "".join(path.read_text() for path in ROOT.glob("src/cascada/*/**/*.py"))
    templates = list(ROOT.glob("src/cascada/*/**/templates/*"))
    named = {*re.findall(r'"([\w.]+\.j2)"', modules + "".join(path.read_text() for path in templates))}
    assert {path.name for path in templates} == named
    packed = re.search(r"\[tool.setuptools.package-data\]\n(.*)", (ROOT / "pyproject.toml").read_text())
    assert "templates/*.j2" in packed[1]


def card(folder, **changes):
    from cascada.report.data_card import write_card

    train, _ = small_dataset(folder, showers=60)
    facts = {"git_commit": "0123456789abcdef", "git_dirty": True, "lock_sha256": "f" * 64, "command": "snakemake <x>"}
    write_card(train.with_name("summary.json"), train, folder / "card", facts)
    path = folder / "card/card.json"
    write_json(path, json.loads(path.read_text()) | changes)
    data_page.write_data_card(path, folder / "card.html")
    return (folder / "card.html").read_text()


def test_the_data_card_shows_counts_checks_warnings_and_where_it_comes_from(tmp_path):
    text = card(tmp_path)
    for expected in ("iron", "proton", "validation", "ks distance of energies", f'<p class="note">{SURROGATE}</p>',
                     "0123456789ab (with uncommitted changes)", "snakemake &lt;x&gt;"):  # fmt: skip
        assert expected in text, expected
    assert "Skipped" not in text and "Left out" not in text


def test_the_data_card_shows_what_is_not_in_the_data(tmp_path):
    skipped = [{"file": "a<b", "kind": "corsika7", "reason": "broken"}]
    text = card(tmp_path, skipped=skipped, left_out={"particles_of_no_code": 3.0, "nothing": 0})
    assert "<h2>Skipped</h2>" in text and "a&lt;b" in text
    assert "particles of no code" in text and "nothing" not in text


@pytest.fixture
def benchmarks(tmp_path):
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    for name, row in {
        "train/lenet-00000000/seed-1-epochs-2.tsv": "3600.0\t1:00:00\t1024.0\t0\t0\t0\t0\t0\t50\t1800",
        "train/lenet-00000001/seed-1-epochs-2.tsv": "1800.0\t0:30:00\t2048.0\t0\t0\t0\t0\t0\t50\t900",
        "merge/merge.tsv": "0.1\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA",
    }.items():
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + row + "\n")
    return tmp_path / "benchmarks"


def test_costs_are_summed_per_rule_and_over_all(benchmarks, tmp_path):
    """Of trials of an earlier release: without attempts."""
    trials = []
    for number in range(2):
        trials.append(tmp_path / f"metrics-{number}.json")
        trial = {
            "configuration": f"lenet-0000000{number}",
            "model": "lenet",
            "seed": 1,
            "epochs": 2,
            "status": "completed",
        }
        spent = {"wall_seconds": 1000.0, "gpu_hours": 0.25, "peak_memory_mb": {"host": 1024.0, "device": None}}
        write_json(trials[-1], trial | spent)
    found = costs.summarize(benchmarks, trials, tmp_path / "costs.tsv")
    train = found["rule"]["train"]
    assert (train.jobs, train.wall_hours, train.cpu_hours, train.gpu_hours) == pytest.approx((2, 1.5, 0.75, 0.5))
    assert train.memory_gb_hours == pytest.approx(2 * 1000 / 3600) and train.peak_memory_gb == 1
    assert found["rule"]["merge"].jobs == 1 and found["rule"]["merge"].cpu_hours == 0
    assert found["all"]["rules"].jobs == 3 and found["all"]["rules"].gpu_hours == 0.5
    costs_page.write_costs(tmp_path / "costs.tsv", tmp_path / "costs.html")
    page = (tmp_path / "costs.html").read_text()
    assert "gpu hours" in page and "energy kwh" not in page and '<td class="text">train</td><td>2</td>' in page
