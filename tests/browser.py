"""A real browser for tests of pages: Chromium without a screen, through Selenium. Skips where there is none."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

# text of the page, that of shadow trees (TensorBoard's tables live in some) and of same-origin frames included
ALL_TEXT = """
const parts = [];
const walk = (node) => {
  if (node.nodeType === Node.TEXT_NODE && node.textContent.trim()) parts.push(node.textContent.trim());
  if (node.tagName === 'STYLE' || node.tagName === 'SCRIPT') return;
  if (node.shadowRoot) walk(node.shadowRoot);
  if (node.tagName === 'IFRAME') { try { walk(node.contentDocument.body); } catch (error) {} }
  node.childNodes.forEach(walk);
};
walk(document.body);
return parts.join('\\n');
"""
QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def browser(width: int = 1500, height: int = 1000) -> Iterator:
    """Yield a WebDriver; the browser and its profile are gone afterwards."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    with tempfile.TemporaryDirectory() as profile:
        wanted = [
            "--headless",
            "--disable-gpu",
            f"--window-size={width},{height}",
            f"--user-data-dir={profile}",
            *QUIET,
        ]
        if os.geteuid() == 0:
            wanted.append("--no-sandbox")  # Chromium refuses root with its sandbox
        for argument in wanted:
            options.add_argument(argument)
        page = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            yield page
        finally:
            page.quit()


def wait_for_text(page, *texts: str, seconds: float = 60) -> str:
    """Return the page's whole text once it holds all of `texts`; fails with what was there instead."""
    from selenium.webdriver.support.wait import WebDriverWait

    seen = ""

    def there(_):
        nonlocal seen
        seen = page.execute_script(ALL_TEXT)
        return all(text in seen for text in texts)

    try:
        WebDriverWait(page, seconds).until(there)
    except Exception as error:
        missing = [text for text in texts if text not in seen]
        raise AssertionError(f"the page does not show {missing}; it shows:\n{seen[:3000]}") from error
    return seen
