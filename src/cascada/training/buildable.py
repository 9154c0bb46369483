"""Whether the families take the values that a search lists: asked before anything is trained, as soon as PyTorch may be imported."""

from collections.abc import Iterable

from cascada.core.errors import ConfigError
from cascada.experiment.spaces import Configuration
from cascada.models import Design


def check_all(configurations: Iterable[Configuration]) -> None:
    """Make each configuration's `Config`. Raises ConfigError for the first that its family refuses."""
    for one in configurations:
        try:
            Design.of(one.model, one.hyperparameters)
        except ConfigError as error:
            raise ConfigError(
                f"search.models.{one.model}: configuration {one.id} cannot be trained: {error}"
            ) from error
