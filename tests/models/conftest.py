"""One thread for small networks: several of them wait for each other longer than they compute. And who is exempt from what."""

import pytest
import torch

from cascada.core.options import constants
from cascada.experiment.families import extension


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def exempt(request):
    """Skip what a family's file exempts it from (src/cascada/models/README.md), with its reason."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    family = parameters.get("family") or parameters.get("field", ("",))[0]
    if not family:
        return
    exemptions = constants(extension(family).path, "EXEMPT").get("EXEMPT", {})
    if reason := exemptions.get(request.node.originalname.removeprefix("test_")):
        pytest.skip(f"{family} is exempt: {reason}")
