"""Gaps, repetitions, restarts and silence of stations, from numbers and times alone."""

from cascada.serving.stream.stations import KNOWN, SILENT, Stations


def heard(*numbers):
    stations = Stations()
    for now, number in enumerate(numbers):
        station = stations.hear("a", number, float(now))
    return station


def counts(station):
    return station.showers, station.missing, station.repeated, station.restarts


def test_numbers_that_follow_each_other_are_whole():
    assert counts(heard(5, 6, 7)) == (3, 0, 0, 0)


def test_numbers_that_were_jumped_over_are_missing():
    assert counts(heard(0, 1, 5, 6, 9)) == (5, 5, 0, 0)


def test_a_number_that_came_before_is_a_repetition():
    assert counts(heard(4, 5, 5, 4, 6)) == (5, 0, 2, 0)


def test_a_station_that_begins_again_misses_nothing():
    assert counts(heard(7, 8, 0, 1, 2)) == (5, 0, 0, 1)


def test_a_heartbeat_shows_that_the_last_showers_were_lost():
    stations = Stations()
    stations.hear("a", 0, 0.0)
    station = stations.hear("a", 4, 1.0, shower=False)
    assert counts(station) == (1, 3, 0, 0)
    assert counts(stations.hear("a", 4, 2.0)) == (2, 3, 0, 0)


def test_a_silent_station_is_known_as_such():
    stations = Stations()
    stations.hear("a", 0, 0.0)
    stations.hear("b", 0, SILENT)
    state = stations.state(SILENT + 1)
    assert state["a"]["silent"] and not state["b"]["silent"]
    assert state["b"]["seconds_since"] == 1.0


def test_as_many_stations_as_like_do_not_fill_the_memory():
    stations = Stations()
    for number in range(KNOWN + 10):
        stations.hear(f"station-{number}", 0, float(number))
    assert len(stations.state(0.0)) == KNOWN and stations.forgotten == 10
