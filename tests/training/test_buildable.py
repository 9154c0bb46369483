"""Values that a family refuses: told before anything is trained."""

import pytest

from cascada.core.errors import ConfigError
from cascada.experiment import spaces
from cascada.training.buildable import check_all


def test_values_that_a_family_refuses_are_told_before_anything_is_trained():
    fine = spaces.Configuration("lenet-1", "lenet", {"hidden": [10]}, {})
    check_all([fine])
    refused = spaces.Configuration("lenet-2", "lenet", {"channels": [4, 0]}, {})
    with pytest.raises(ConfigError, match=rf"search\.models\.lenet: configuration {refused.id} .*at least 1"):
        check_all([fine, refused])
