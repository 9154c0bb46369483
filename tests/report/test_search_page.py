"""The page of a search: what it reads, says and holds, for searches of every shape. Nothing is trained."""

import json
import re

import pytest
import search_files

from cascada.core.notices import SURROGATE
from cascada.report.search import content
from cascada.report.search import page as search_page
from cascada.report.search.axes import varying
from cascada.report.search.leaderboard import leaderboard, metric_cell
from cascada.report.search.tables import effect, rung_rows

MOST_MEGABYTES, REPORT_BYTES = 7, 2 * 2**20 * 3 / 4  # an address of 2 MiB in base64


def write(results):
    search = search_files.read_search(results)
    page, light = results / "search/index.html", results / "search/search.html"
    search_page.write_search_page(search, page, light)
    return search, page.read_text(), light.read_text()


def content_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="content">(.*?)</script>', text, re.DOTALL)[1])


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """Two families on three rungs, two of each diverged; and what was written."""
    results = tmp_path_factory.mktemp("search") / "halved"
    search_files.write_search(
        results, {"lenet": 24, "cae": 12}, (2, 4, 12), (1, 2), 2, {"in_set": "yes", "news": "1.5"}
    )
    return write(results)


def test_the_first_screen_says_what_is_chosen_and_how_sure_that_is(halved):
    search, text, _ = halved
    first = text[: text.index('id="leaderboard"')]
    assert (
        f"Chosen: {search.best['configuration']}" in first
        and "standard deviation (±) over seeds" in first
        and "(2 seeds)" in first
    )
    assert "9 of 9" in first and "Best baseline" in first and "gradient boosting, never selected" in first
    assert "36 configurations" in first and "4 diverged" in first and SURROGATE in first


def test_why_it_is_chosen_and_what_the_choice_added_are_said(tmp_path):
    search_files.write_search(tmp_path / "chosen", {"lenet": 3})
    best = tmp_path / "chosen/selection/best.json"
    optimism = {"raw": 0.97, "optimism": 0.004, "corrected": 0.966, "low": 0.95, "high": 0.98}
    said = {"why": "It is the best of 3 <b>.", "why_this_seed": "seed 1 is the only one.", "optimism": optimism}
    best.write_text(json.dumps(json.loads(best.read_text()) | {"selection": said}))
    for text in write(tmp_path / "chosen")[1:]:
        assert "It is the best of 3 &lt;b&gt;. Tested and exported: seed 1 is the only one." in text
        assert (
            "0.9660 [0.9500, 0.9800]" in text
            and "0.9700 of the exported seed, without what being the best of many adds" in text
        )


def test_who_the_candidates_are_and_which_luck_is_left_are_said(tmp_path):
    search_files.write_search(tmp_path / "finals", {"lenet": 8}, (2, 4))
    best = tmp_path / "finals/selection/best.json"
    optimism = {"raw": 0.97, "optimism": 0.001, "corrected": 0.969, "low": 0.95, "high": 0.98}
    optimism |= {"replayed": ["promotions", "finalists"], "not_replayed": ["which epoch", "promotions of others"]}
    luck = {
        "raw": 0.98,
        "optimism": 0.01,
        "corrected": 0.97,
        "low": 0.955,
        "high": 0.985,
        "configuration": "lenet-00000003",
    }
    luck |= {"configurations": 4, "epochs": 4, "seeds": [1], "seed": 1}
    said = {"why": "It is.", "why_this_seed": "It is the median.", "optimism": optimism, "before_finalists": luck}
    content = json.loads(best.read_text())
    best.write_text(json.dumps(content | {"selection": said | {"compared": {"candidates": 2}}}))
    for text in write(tmp_path / "finals")[1:]:
        assert "The 2 candidates are the finalists: of 8 configurations that were tried, 4 reached 4 epochs" in text
        assert "Corrected, before finalists" in text and "0.9700 [0.9550, 0.9850]" in text
        assert "0.9800 of lenet-00000003, the best of 4 at 4 epochs by seed 1 alone" in text
        assert "It leaves out: which epoch; promotions of others. So of the luck among all 8 configurations" in text
    best.write_text(json.dumps(content | {"selection": said | {"compared": {"candidates": 4}}}))
    text = write(tmp_path / "finals")[1]
    assert "The 4 candidates: of 8 configurations that were tried, 4 reached 4 epochs, and the choice is" in text
    best.write_text(json.dumps(content | {"selection": said | {"compared": {"candidates": 8}}}))
    assert "candidates:" not in write(tmp_path / "finals")[1]


def test_every_configuration_stands_in_the_table_with_what_differs(halved):
    search, text, light = halved
    table = text[text.index('<table id="board">') : text.index("</table>", text.index('<table id="board">'))]
    assert all(f">{name}<" in table for name in search.configurations) and "gradient_boosting" in table
    header = re.findall(r"<th [^>]*>(.*?)</th>", table)
    assert header[:5] == ["rank", "configuration", "in the best set", "family", "status"]
    assert header[5] == "F1 (of proton)" and {"news", "learning_rate", "momentum", "channels"} <= set(header)
    assert "weight decay" not in header and "weight_decay = 0.0" in text  # the same in all: said once, below
    assert "git commit" not in header and light.count("0123456789ab") == 1


def test_columns_that_are_not_there_are_not_missed_and_intervals_are_shown():
    row = {
        "validation_f1_mean": "0.98",
        "validation_f1_spread": "",
        "validation_f1_low": "0.97",
        "validation_f1_high": "0.99",
    }
    assert metric_cell(row, "f1") == "0.9800 [0.9700, 0.9900]"
    row = {"validation_f1_mean": "0.98", "validation_f1_spread": "0.001", "seeds": "2"}
    assert metric_cell(row, "f1") == "0.9800 ± 0.0010 (2 seeds)"
    assert metric_cell(row | {"validation_f1_spread": "0.000012"}, "f1") == "0.9800 ± less than 0.0001 (2 seeds)"
    assert leaderboard([], {}, "f1", {}) == ([], [])
    rows = [{"rank": "1", "configuration": "a", "validation_f1_mean": "0.98", "in_set": "no"}]
    assert leaderboard(rows, {}, "f1", {}) == (
        ["rank", "configuration", "in the best set", "F1"],
        [["1", "a", "no", "0.9800"]],
    )


def test_effects_are_those_that_were_put_in(halved):
    search, text, _ = halved
    assert re.search(r"optimizer</td>.*?adam: 0\.\d+ \[0\.\d+, 0\.\d+\] \(\d+\); sgd: 0\.\d+ \[", text)
    axis = varying([one.hyperparameters for one in search.families()["lenet"]])
    momentum = next(one for one in axis if one.name == "momentum")
    values = [one.values[2] for one in search.families()["lenet"]]
    there = sum(x is not None and y is not None for x, y in zip(momentum.values, values, strict=True))
    assert 0 < there < 22 and f"({there} configurations)" in effect(momentum, values)
    assert "none of them was proposed because of a result" in text
    assert "2 without a result (diverged) count as the worst" in text


def test_of_equal_results_no_interval_is_claimed():
    axis = varying([{"optimizer": name} for name in ("adam", "adam", "sgd", "sgd")])[0]
    assert effect(axis, [0.0, 0.0, 0.5, None]) == "adam: 0.0000 (2, all equal); sgd: 0.5000 (1)"


def test_rungs_say_who_climbed(halved):
    search, text, _ = halved
    rows = rung_rows(search)
    assert [(one["epochs"], one["here"], one["diverged"]) for one in rows] == [(2, 36, 4), (4, 16, 0), (12, 9, 0)]
    assert len(rows[0]["on"]) == 16 and len(rows[0]["stopped"]) == 20 and rows[2]["on"] == []
    assert "stopped: f1 behind that of the others" in text


def test_the_whole_page_needs_nothing_else_and_the_light_one_has_no_pictures(halved):
    _, text, light = halved
    assert not re.search(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="', text)
    found = content_of(text)
    assert {"rungs", "costs", "lenet/importance", "lenet/parallel", "lenet/momentum"} <= found["figures"].keys()
    assert len(found["curves"]) == 36 and len(found["picked"]) == 5
    assert "Plotly" in text and "Plotly.newPlot" in text and len(light) < 100_000
    assert content_of(light)["figures"] == {} and "results/halved/search/index.html" in light


def test_a_trial_that_climbs_is_one_curve(halved):
    search, *_ = halved
    best = search.curves[search.best["configuration"]]
    assert [curve["seed"] for curve in best] == [1, 2] and best[0]["epoch"] == list(range(1, 13))
    assert set(best[0]) == {"seed", "epoch"} | {f"{a}_{b}" for a in ("training", "validation") for b in ("loss", "f1")}


def test_long_curves_are_thinned_and_keep_their_ends():
    for length in (1, 2, 23, 24, 25, 100, 999):
        found = content.thinned(list(range(1, length + 1)))
        assert (found[0], found[-1]) == (1, length) and len(found) <= content.MOST_POINTS
        assert found == sorted(set(found)) and (length > 24 or len(found) == length)


@pytest.mark.parametrize("shape", [{"families": {"lenet": 1}}, {"families": {"lenet": 4}, "diverged": 4}])
def test_one_configuration_and_none_that_completes_have_a_page(tmp_path, shape):
    search_files.write_search(tmp_path / "small", **shape)
    _, text, light = write(tmp_path / "small")
    for one in (text, light):
        assert ("Nothing varies" in one) == ("diverged" not in shape)
        assert ("no configuration has completed" in one) == ("diverged" in shape)
        assert 'id="rungs"' not in one
    content_of(text)


def test_what_results_have_chosen_has_no_part_in_the_effects(tmp_path):
    search_files.write_search(tmp_path / "tpe", {"lenet": 24})
    names = [f"lenet-{place:08x}" for place in range(24)]
    search_files.write_batches(tmp_path / "tpe", [names[:12], names[12:]])
    _, text, _ = write(tmp_path / "tpe")
    assert "Computed on the 12 of 24 configurations that were not proposed because of a result." in text
    search_files.write_batches(tmp_path / "tpe", [names[:6], names[6:]])
    search, text, _ = write(tmp_path / "tpe")
    assert "biased towards where the search looked" in text and "of which the sampler proposed 18 because" in text
    assert [one.sampled for one in search.configurations.values()] == [True] * 6 + [False] * 18
    search_files.write_batches(tmp_path / "tpe", [names[:6], names[6:]], "sobol")  # which does not learn
    assert all(one.sampled for one in search_files.read_search(tmp_path / "tpe").configurations.values())


@pytest.mark.slow
def test_a_thousand_trials_fit(tmp_path):
    search_files.write_search(tmp_path / "large", {"lenet": 500, "cae": 500}, (4, 36))
    search, text, light = write(tmp_path / "large")
    assert len(search.configurations) == 1000 and len(text.encode()) < MOST_MEGABYTES * 1e6
    assert len(light.encode()) < REPORT_BYTES and "the first 300 rows" in light


def test_names_are_escaped(tmp_path):
    search_files.write_search(tmp_path / "a<b", {"lenet": 2})
    _, text, _ = write(tmp_path / "a<b")
    assert "<title>The search of a&lt;b</title>" in text and "snakemake &lt;all&gt;" in text
