"""The page of a search in a real browser: sorting, filtering, picking and brushing, by keyboard and at two widths."""

import pytest
import search_files
from browser import wait_for_text
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from cascada.report.search.page import write_search_page

SHOWN = "return [...document.querySelectorAll('#board tbody tr:not([hidden])')].map((row) => row.dataset.name)"
CELLS = "return [...document.querySelectorAll('#board tbody tr')].map((row) => row.cells[arguments[0]].textContent)"
TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
BRUSH = """
const plot = document.querySelector('[data-brush]');
const place = plot.data[0].dimensions.findIndex((one) => one.label === 'learning_rate');
Plotly.restyle(plot, {[`dimensions[${place}].constraintrange`]: [[-3, -2]]});
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    results = tmp_path_factory.mktemp("search") / "seen"
    search_files.write_search(results, {"lenet": 16, "cae": 6}, (2, 8), (1,), 1)
    search = search_files.read_search(results)
    write_search_page(search, results / "search/index.html", results / "search/search.html")
    return search, results / "search/index.html", results / "search/search.html"


@pytest.fixture
def opened(page, written):
    page.get(written[1].as_uri())
    wait_for_text(page, "23 of 23 rows")
    return page


def resize(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )


def drawn(page, selector, what="svg"):
    element = page.find_element("css selector", selector)
    page.execute_script("arguments[0].scrollIntoView()", element)
    WebDriverWait(page, 30).until(lambda _: element.find_elements("css selector", what))
    return element


def test_headings_sort_by_keyboard_and_say_so(opened):
    button = opened.find_element("xpath", "//th/button[text()='batch_size']")
    column = opened.execute_script("return arguments[0].parentNode.cellIndex", button)
    for key, order, direction in ((Keys.ENTER, 1, "ascending"), (Keys.SPACE, -1, "descending")):
        button.send_keys(key)
        cells = opened.execute_script(CELLS, column)
        assert cells[-1] == "" and len(cells) == 23  # the baseline has none; as words, 128 would come before 8
        numbers = [float(cell) for cell in cells[:-1]]
        assert numbers == sorted(numbers, key=lambda one: order * one)
        assert button.find_element("xpath", "..").get_attribute("aria-sort") == direction
    assert len(opened.find_elements("css selector", "#board th[aria-sort]")) == 1


def test_words_and_limits_filter(opened, written):
    known = written[0].configurations
    field = opened.find_element("id", "filter")
    field.send_keys("learning_rate<0.001 cae")
    wanted = {one.name for one in known.values() if one.model == "cae" and one.hyperparameters["learning_rate"] < 0.001}
    assert set(opened.execute_script(SHOWN)) == wanted and 0 < len(wanted) < 6
    assert opened.find_element("id", "count").text == f"{len(wanted)} of 23 rows"
    opened.find_element("id", "clear").click()
    assert len(opened.execute_script(SHOWN)) == 23


def test_curves_are_picked_by_keyboard(opened, written):
    drawn(opened, "#curve-f1")
    traces = "return document.getElementById('curve-f1').data.filter((one) => one.mode === 'lines+markers').map((one) => one.name)"
    assert len(opened.execute_script(traces)) == 5
    opened.find_element("id", "none").send_keys(Keys.ENTER)
    assert opened.execute_script(traces) == []
    name = list(written[0].configurations)[3]
    opened.find_element("css selector", f"[aria-label='learning curve of {name}']").send_keys(Keys.SPACE)
    assert opened.execute_script(traces) == [name] and opened.find_element("id", "picked").text == name


def test_what_is_brushed_filters_the_leaderboard(opened, written):
    drawn(opened, "[data-brush]", "canvas")
    opened.execute_script(BRUSH)
    wanted = {name for name, one in written[0].configurations.items()
              if one.model == "lenet" and one.hyperparameters["learning_rate"] >= 0.001}  # fmt: skip
    WebDriverWait(opened, 10).until(lambda _: set(opened.execute_script(SHOWN)) == wanted)
    opened.execute_script("document.getElementById('clear').click()")
    assert len(opened.execute_script(SHOWN)) == 23


def test_both_forms_fit_their_width_and_report_no_error(page, written):
    for path in written[1:]:
        for width in (1400, 600):
            resize(page, width)
            page.get(path.as_uri())
            wait_for_text(page, "23 of 23 rows")
            for details in page.find_elements("css selector", "details:not([open])"):
                page.execute_script("arguments[0].open = true", details)
            for plot in page.find_elements("css selector", "[data-figure]"):
                page.execute_script("arguments[0].scrollIntoView()", plot)
            assert page.execute_script(TOO_WIDE) <= 0, (path.name, width)
            errors = [line["message"] for line in page.get_log("browser") if line["level"] == "SEVERE"]
            assert not errors, (path.name, width, errors)


def test_the_light_form_shows_up_in_the_address_that_a_report_gives_it(page, written, tmp_path):
    """Snakemake's report puts it into a data address inside a frame, which Chromium leaves empty from 2 MiB on."""
    import base64

    address = "data:text/html;base64," + base64.b64encode(written[2].read_bytes()).decode()
    (tmp_path / "report.html").write_text(f"<iframe src='{address}' width='900' height='500'></iframe>")
    page.get((tmp_path / "report.html").as_uri())
    page.switch_to.frame(0)
    wait_for_text(page, "Chosen: ", "23 of 23 rows")
