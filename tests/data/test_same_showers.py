"""Telling showers apart: by images that are known by chance by none, and by the numbers of their simulation."""

import numpy as np
import pytest

from cascada.data import checks, same_showers
from cascada.data.format import new_events


def showers(files, **columns):
    """Events of files of so many showers each, with one image a shower, numbered from 1 in each file."""
    events = new_events(sum(files))
    events["source"] = np.repeat(np.arange(len(files)), files)
    events["run"], events["primary"], events["true_energy"], events["zenith"], events["azimuth"] = 1, 14, 1000, 0, 0
    events["event"] = np.concatenate([np.arange(number) + 1 for number in files])
    for name, values in columns.items():
        events[name] = values
    return events


def meeting(events, prints=None, kinds=("corsika7", "corsika7"), **options):
    prints = np.arange(1, len(events) + 1) if prints is None else np.array(prints)
    return same_showers.across_files(events, prints.astype(np.uint64), list(kinds), **options)


def test_images_come_before_numbers():
    events = showers([2, 2])
    assert meeting(events, [1, 2, 3, 2]) == same_showers.Meeting(0, 1, 1, 3, 1, images=True)
    assert meeting(events) == same_showers.Meeting(0, 1, 0, 2, 2, images=False)
    assert meeting(events, numbers=False) is None


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({"run": [1, 1, 2, 2]}, ("corsika7", "corsika7")),
        ({"event": [1, 2, 3, 4]}, ("corsika7", "corsika7")),
        ({"primary": [14, 14, 5626, 5626]}, ("corsika7", "corsika7")),
        ({"true_energy": [1, 2, 3, 4]}, ("corsika7", "corsika7")),
        ({"zenith": [0, 0, 0.1, 0.1]}, ("corsika7", "corsika7")),
        ({"azimuth": [0, 0, 0.1, 0.1]}, ("corsika7", "corsika7")),
        ({}, ("corsika7", "surrogate")),
        ({"run": -1}, ("energy_ground", "energy_ground")),  # numbers that start again, energies that meet by chance
        ({"event": -1}, ("corsika8", "corsika8")),
    ],
)
def test_showers_that_differ_in_one_number_are_others(columns, kinds):
    assert meeting(showers([2, 2], **columns), kinds=kinds) is None


def test_empty_images_are_everywhere():
    assert meeting(showers([2, 2], run=-1), [0, 0, 0, 0]) is None


def test_images_of_a_few_counts_are_not_known_by_them():
    images = np.zeros((3, 1, 8, 8), np.float32)
    images[1].flat[:9] = 1
    images[2].flat[:10] = 1
    prints = checks.fingerprints(images)
    found = same_showers.with_content(images, prints)
    assert found.dtype == np.uint64 and found.tolist() == [0, 0, prints[2]]


def test_several_images_of_one_shower_are_one_shower():
    events = showers([4, 2], shower_id=[0, 0, 1, 1, 2, 3], event=[1, 1, 2, 2, 1, 2], run=[1, 1, 1, 1, 1, 1])
    assert meeting(events).showers == 2
    events["run"][4:] = 2
    assert meeting(events, [1, 1, 2, 3, 4, 5]) is None


def joined(events, prints):
    kinds = ["corsika7"] * (events["source"].max() + 1)
    return same_showers.joined(events, np.array(prints, np.uint64), kinds).tolist()


def test_nothing_changes_where_nothing_is_twice():
    events = showers([3, 3], run=[1, 1, 1, 2, 2, 2], shower_id=[7, 7, 5, 9, 9, 4], event=[1, 1, 2, 1, 1, 2])
    assert joined(events, [1, 1, 2, 3, 0, 0]) == events["shower_id"].tolist()


def test_what_one_file_holds_twice_shares_an_id():
    by_image = showers([4], run=-1, shower_id=[0, 1, 2, 3])
    assert joined(by_image, [1, 2, 1, 0]) == [0, 1, 0, 2]
    by_number = showers([4], event=[1, 2, 3, 2], shower_id=[0, 1, 2, 3])
    assert joined(by_number, [1, 2, 3, 4]) == [0, 1, 2, 1]
    chain = showers([4], event=[1, 2, 3, 2], shower_id=[0, 1, 2, 3])
    assert joined(chain, [1, 2, 1, 1]) == [0, 0, 0, 0]
    in_two_files = showers([2, 2], shower_id=[0, 1, 2, 3])
    assert joined(in_two_files, [1, 2, 3, 4]) == [0, 1, 2, 3]
