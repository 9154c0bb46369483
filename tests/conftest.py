"""Fixtures that tests of several rooms share."""

import browser
import pytest


@pytest.fixture
def page():
    """A page of a real browser; skips where there is none."""
    with browser.browser() as opened:
        yield opened
