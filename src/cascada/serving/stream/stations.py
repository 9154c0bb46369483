"""What is known of each station: showers, gaps in their numbers, and whether it is still there. No clock and no socket of its own."""

from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any

KNOWN = 1024  # stations that are remembered; the one that was silent for longest is forgotten
SILENT = 10.0  # s without a message after which a station counts as silent


@dataclass(slots=True)
class Station:
    """Counts of one station. `missing`: numbers that were jumped over; `repeated`: that came again; `restarts`: that began at 0 again."""

    expected: int
    heard: float  # when, by the reader's own clock
    showers: int = 0
    missing: int = 0
    repeated: int = 0
    restarts: int = 0


class Stations:
    """All stations that were heard."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Station] = OrderedDict()
        self.forgotten = 0

    def hear(self, name: str, sequence: int, now: float, shower: bool = True) -> Station:
        """Note a message; `sequence`: of a shower its own, of a heartbeat that of the next one."""
        station = self._known.pop(name, None) or Station(expected=sequence, heard=now)
        self._known[name] = station
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
            self.forgotten += 1
        if sequence > station.expected:
            station.missing += sequence - station.expected
        elif sequence < station.expected:
            if sequence == 0:
                station.restarts += 1
            elif shower:
                station.repeated += 1
        if sequence >= station.expected or sequence == 0:
            station.expected = sequence + shower
        station.showers += shower
        station.heard = now
        return station

    def total(self, what: str) -> int:
        return sum(getattr(station, what) for station in list(self._known.values()))

    def state(self, now: float) -> dict[str, dict[str, Any]]:
        """For the health message: counts of each, and seconds since it was heard."""
        return {
            name: {key: value for key, value in asdict(one).items() if key not in ("heard", "expected")}
            | {"seconds_since": round(now - one.heard, 1), "silent": now - one.heard > SILENT}
            for name, one in list(self._known.items())  # a copy: metrics are read by another thread
        }
