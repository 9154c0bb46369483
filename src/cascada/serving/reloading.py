"""Another version, loaded beside what goes on: loading computes the probe showers, which takes seconds."""

import threading
from typing import Protocol


class Reloadable(Protocol):
    """As an `Engine`."""

    def changed(self) -> bool: ...
    def reload(self) -> object: ...


class Reloading:
    """Loads in a thread, one version at a time: when somebody asks, or, with `watch`, when the folder has changed."""

    def __init__(self, engine: Reloadable, watch: bool):
        self._engine, self._watch, self._asked = engine, watch, False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        self._asked = True

    def look(self) -> None:
        """Start loading where it is time to; returns at once."""
        if self._thread and self._thread.is_alive():
            return
        if self._asked or (self._watch and self._engine.changed()):
            self._asked = False
            self._thread = threading.Thread(target=self._engine.reload, name="reload", daemon=True)
            self._thread.start()
