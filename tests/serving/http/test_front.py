"""The server's pages in a real Chromium: a shower is chosen or dropped, and shown with all that the page promises."""

import httpx
import numpy as np
import pytest
from browser import wait_for_text

from cascada.data.format import open_showers

CANVAS_COLOURS = """
const canvas = document.getElementById(arguments[0]), data = canvas.getContext('2d').getImageData(95, 25, 490, 490).data, seen = new Set();
for (let i = 0; i < data.length; i += 4 * 37) seen.add(data.slice(i, i + 3).join());
return seen.size;
"""
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"


@pytest.fixture(params=["light", "dark"])
def shown(page, server, request):
    """The front page, in light and in dark."""
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": request.param}]}
    )
    page.get(server.address)
    return page


def click_example(page, number):
    from selenium.webdriver.common.by import By

    page.find_elements(By.CSS_SELECTOR, "#examples button")[number].click()


def test_an_example_is_shown_with_everything(shown, server):
    answer = httpx.get(f"{server.address}/examples/2").json()
    click_example(shown, 2)
    shower = answer["showers"][0]
    text = wait_for_text(
        shown, f"with a probability of {shower['probabilities'][shower['class']]:.4f}", "this shower", "true class"
    )
    assert "Of the" in text and "sealed test showers whose probability is most like this one's" in text
    assert "Surrogate showers" in text
    widths = shown.execute_script(
        "return [...document.querySelectorAll('#bar span')].map((part) => part.getBoundingClientRect().width)"
    )
    parts = list(shower["probabilities"].values())
    assert np.allclose(np.array(widths) / sum(widths), parts, atol=0.01)
    for canvas in ("display", "occlusion"):
        assert shown.execute_script(CANVAS_COLOURS, canvas) > 5, canvas
    for width in (1400, 600):
        shown.set_window_size(width, 900)
        assert shown.execute_script(OVERFLOW) <= 0, width
    errors = [
        entry for entry in shown.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
    ]
    assert not errors


def test_a_file_is_taken_and_each_of_its_showers_can_be_seen(page, server, results):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    path = results / "dataset/train.h5"
    with open_showers(path) as file:
        core = file["events"][:2]["core_x"]
    page.get(server.address)
    page.find_element(By.ID, "file").send_keys(str(path))
    wait_for_text(page, "with a probability of", f"The cross is the core, at ({core[0]:.1f},")
    Select(page.find_element(By.ID, "which")).select_by_index(1)
    wait_for_text(page, f"The cross is the core, at ({core[1]:.1f},")


def test_what_the_server_refuses_is_said(page, server, tmp_path):
    from selenium.webdriver.common.by import By

    (tmp_path / "nothing.bin").write_bytes(b"no file of any source")
    page.get(server.address)
    page.find_element(By.ID, "file").send_keys(str(tmp_path / "nothing.bin"))
    wait_for_text(page, "no source can read this")


def test_every_page_stands_alone(page, server):
    for path, text in (("docs", "/v2/models/{name}/infer"), ("drift", "Has what")):
        page.get(f"{server.address}/{path}")
        wait_for_text(page, text)
        source = page.page_source
        assert 'src="http' not in source and "//cdn" not in source
        page.set_window_size(600, 900)
        assert page.execute_script(OVERFLOW) <= 0


def test_explaining_without_a_browser(server, results):
    with open_showers(results / "dataset/train.h5") as file:
        images = file["images"][:3]
    answer = httpx.post(f"{server.address}/explain?shower=1", json={"images": images.tolist()}, timeout=60).json()
    import base64

    found = answer["explained"]
    assert np.array_equal(np.frombuffer(base64.b64decode(found["image"]), "<f4").reshape(80, 80), images[1, 0])
    standing = found["standing"]
    assert sum(map(sum, standing["counts"].values())) > 0
    assert standing["similar"]["low"] <= standing["similar"]["share"] <= standing["similar"]["high"]
    refused = httpx.post(f"{server.address}/explain?shower=3", json={"images": images.tolist()}, timeout=60)
    assert refused.status_code == 400 and "there are 3" in refused.json()["error"]
    assert httpx.get(f"{server.address}/examples/999").status_code == 404
