"""Pages of the report: tables from files, escaped, with their warnings; and the sums of what a search cost."""

from pathlib import Path

import pytest
from showers import small_dataset

from cascada.core.files import write_json
from cascada.report import html as pages
from cascada.training import costs


def test_text_is_escaped_and_numbers_are_short():
    found = pages.table(["name", "value"], [["<b>", 0.123456], ["n", 12345], ["none", None], ["ok", True]])
    assert "&lt;b&gt;" in found and "<b>" not in found
    assert "<td>0.1235</td>" in found and "<td>12,345</td>" in found and "<td>yes</td>" in found


def test_the_data_card_shows_counts_checks_warnings_and_where_it_comes_from(tmp_path):
    from cascada.report.data_card import write_card

    train, _ = small_dataset(tmp_path, showers=60)
    facts = {"git_commit": "0123456789abcdef", "git_dirty": True, "lock_sha256": "f" * 64, "command": "snakemake"}
    write_card(train.with_name("summary.json"), train, tmp_path / "card", facts)
    pages.write_data_card(tmp_path / "card/card.json", tmp_path / "card.html")
    text = (tmp_path / "card.html").read_text()
    for expected in (
        "iron",
        "proton",
        "validation",
        "ks distance of energies",
        "0123456789ab (with uncommitted changes)",
    ):
        assert expected in text, expected


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
    trials = []
    for number in range(2):
        trials.append(tmp_path / f"metrics-{number}.json")
        write_json(trials[-1], {"gpu_hours": 0.25})
    found = {cost.rule: cost for cost in costs.summarize(benchmarks, trials, tmp_path / "costs.tsv")}
    train = found["train"]
    assert (train.jobs, train.wall_hours, train.cpu_hours, train.gpu_hours) == (2, 1.5, 0.75, 0.5)
    assert train.memory_gb_hours == pytest.approx(1 * 1 + 2 * 0.5) and train.peak_memory_gb == 2
    assert found["merge"].jobs == 1 and found["merge"].cpu_hours == 0
    last = Path(tmp_path / "costs.tsv").read_text().splitlines()[-1].split("\t")
    assert last[0] == "all" and last[1] == "3" and float(last[4]) == 0.5


def test_the_leaderboard_says_once_where_it_comes_from(tmp_path):
    header = ["rank", "configuration", "validation_f1_mean", *pages.PROVENANCE]
    facts = ["0123456789abcdef", "False", "f" * 64, "d" * 64, "snakemake"]
    rows = [["1", "lenet-00000000", "0.99", *facts], ["", "gradient_boosting", "0.97", *facts]]
    (tmp_path / "leaderboard.tsv").write_text("\n".join("\t".join(row) for row in [header, *rows]) + "\n")
    write_json(tmp_path / "summary.json", {"surrogate": True})
    pages.write_leaderboard(
        tmp_path / "leaderboard.tsv", tmp_path / "summary.json", "f1", tmp_path / "leaderboard.html"
    )
    text = (tmp_path / "leaderboard.html").read_text()
    assert text.count("0123456789ab") == 1 and "uncommitted" not in text and "Surrogate showers" in text
    assert "<td>0.99</td>" in text and "validation f1 mean" in text and "lenet-00000000" in text
