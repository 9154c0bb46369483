"""What a person looks at, in a real browser: TensorBoard's curves and its table of hyperparameters, and the report."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from browser import wait_for_text
from workflows import snakemake

pytestmark = pytest.mark.workflow


@contextlib.contextmanager
def tensorboard(logdir):
    """Serve a log directory on loopback; yields the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            assert server.poll() is None, "TensorBoard ended"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_tensorboard_shows_every_trial_and_the_table_of_hyperparameters(workflow, page):
    results = workflow / "results/smoke"
    configurations = [
        line.split("\t")[0] for line in (results / "search/configurations.tsv").read_text().splitlines()[1:]
    ]
    assert len(configurations) >= 2
    with tensorboard(results / "tensorboard") as address:
        page.get(f"{address}#scalars")
        runs = [f"{configuration}/seed-1" for configuration in configurations]
        wait_for_text(
            page, *runs, "accuracy/training", "accuracy/validation", "\nloss\n"
        )  # further down, groups are folded
        page.get("about:blank")  # a change of the fragment alone does not load the page again
        page.get(f"{address}#hparams")
        wait_for_text(
            page, *configurations, "best validation_f1", "learning_rate", f"session groups: {len(configurations)}"
        )


def test_the_report_opens_and_has_every_page(workflow, page):
    snakemake(workflow, "--report", "report.html")
    pages = (
        ("1. Data", "spectra.png"),
        ("2. Search", "leaderboard.png"),
        ("3. Test", "roc.png"),
        ("2. Search", "search.html"),
    )
    for category, file in pages:
        page.get("about:blank")
        page.get((workflow / "report.html").as_uri())
        wait_for_text(page, "1. Data", "2. Search", "3. Test", "a surrogate is a fast toy cascade")
        page.find_element("xpath", f"//*[normalize-space(text())='{category}']").click()
        wait_for_text(page, file)
    open_result(page, "search.html")
    page.switch_to.frame(page.find_element("tag name", "iframe"))  # an address of its own, so the page has to be small
    wait_for_text(page, "The search of smoke", "Chosen: ")


def open_result(page, file):
    """Click on the eye with which Snakemake's report shows a result, in the row of its file."""
    page.find_element("xpath", f"//tr[contains(., '{file}')]//a[@iconname='eye']").click()


def test_no_page_is_wider_than_a_narrow_screen(workflow, page):
    """Wide tables scroll inside their frame."""
    pages = sorted((workflow / "results/smoke").rglob("*.html"))
    assert {path.name for path in pages} >= {
        "index.html",
        "search.html",
        "test.html",
        "behaviour.html",
        "card.html",
        "costs.html",
        "model.html",
    }
    for path in pages:
        page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 600, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        )
        page.get(path.as_uri())
        wide, screen = page.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= screen, path.name
        first = page.find_element("css selector", ".tiles")
        assert first.rect["y"] < 150 and first.text, path.name  # what the page is about stands on the first screen
