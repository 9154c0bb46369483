"""What a running `cascada serve` tells of its versions, and waiting until it tells something."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from cascada.core.errors import DataError

POLL = 1.0  # s between two looks
PATIENCE = 30.0  # s that a server which is busy, or starts again, may keep silent
ASKED_FOR_TOKEN = 401


class Silent(DataError):
    """The server did not answer, but may the next time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The version that answers, the one in the shadow ("" for none), the comparison of the two, and how many were refused."""

    current: str = ""
    shadow: str = ""
    refused: int = 0
    showers: int = 0
    other_class: int = 0
    difference: float = 0.0  # sum of the absolute differences of the signal's probability
    largest: float = 0.0  # of them
    dropped: int = 0
    failed: int = 0


def parse(text: str) -> Seen:
    """From the text of /metrics."""
    samples = {
        (sample.name, sample.labels.get("outcome")): sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def value(name: str, outcome: str | None = None) -> float:
        sample = samples.get((f"cascada_{name}", outcome))
        return sample.value if sample else 0.0

    def version(name: str) -> str:
        sample = samples.get((f"cascada_{name}_info", None))
        return sample.labels["version"] if sample else ""

    return Seen(
        current=version("model"),
        shadow=version("shadow"),
        refused=int(value("reloads_total", "refused")),
        showers=int(value("shadow_showers_total")),
        other_class=int(value("shadow_other_class_total")),
        difference=value("shadow_difference_total"),
        largest=value("shadow_largest_difference"),
        dropped=int(value("shadow_dropped_showers_total")),
        failed=int(value("shadow_failed_showers_total")),
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """A server by its address; `token` as it demands it, "" for none."""

    address: str
    token: str = ""

    def look(self) -> Seen:
        """Raises DataError for a server that is none or wants another token, Silent for one that does not answer now."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.address.rstrip('/')}/metrics", headers=headers)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is this machine, or beside it
        try:
            with direct.open(request, timeout=PATIENCE) as answer:
                seen = parse(answer.read().decode())
        except (OSError, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == ASKED_FOR_TOKEN:
                raise DataError(
                    f"{self.address}: the server wants its token; give --token-file FILE, or set CASCADA_TOKEN."
                ) from error
            raise Silent(f"{self.address}: no `cascada serve` that answers ({error}); start it.") from error
        if not seen.current:
            raise DataError(
                f"{self.address}: something answers, but not `cascada serve`; give its address as `server`."
            )
        return seen

    def wait(self, done: Callable[[Seen], object], seconds: float, late: str) -> Seen:
        """Look once a second until `done` is true of what was seen. Raises DataError(`late`) if it is not within `seconds`."""
        start = heard = time.monotonic()
        while True:
            try:
                seen, heard = self.look(), time.monotonic()
                if done(seen):
                    return seen
            except Silent:
                if time.monotonic() - heard > PATIENCE:
                    raise
            if time.monotonic() - start > seconds:
                raise DataError(late)
            time.sleep(POLL)
