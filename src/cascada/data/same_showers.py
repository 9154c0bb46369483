"""The same shower twice: known by its images, and by the numbers that its simulation gave it. Pure functions.

A raw file may come again under another name, packed, cut or joined, so that its bytes say nothing. What stays is

- the image, where it has enough cells to be told from others by chance (checks.fingerprints), and
- kind of source, run, event, primary, energy and direction, where the file numbers run and event.

Data of version 1 and the thesis's layout know no run: they are known by their images alone, since numbers that start again
in each file, and energies rounded to 1 GeV, do meet by chance.
"""

from dataclasses import dataclass

import numpy as np

from cascada.data.format import UNKNOWN_NUMBER

NUMBERS = ("run", "event", "primary", "true_energy", "zenith", "azimuth")
FEWEST_CELLS = 10  # a count of one muon in one cell is the image of many showers


@dataclass(frozen=True, slots=True)
class Meeting:
    """Showers of file `other` that stand in file `one` too (rows of `/sources`).

    `one_row`, `other_row`: the first two images that meet; `showers`: how many of `other` do; `images`: whether their
    images are the same, or only their numbers.
    """

    one: int
    other: int
    one_row: int
    other_row: int
    showers: int
    images: bool

    def sentence(self, names: list[str], events: np.ndarray) -> str:
        """Say what meets and what to do. `names`: of the files, by their rows of `/sources`."""
        one, other, shower = names[self.one], names[self.other], events[self.other_row]
        number = f"run {shower['run']}, event {shower['event']}, " if shower["run"] != UNKNOWN_NUMBER else ""
        first = f"the first: {number}primary {shower['primary']}, {shower['true_energy']:g} GeV"
        if self.images:
            return (
                f"{other}: {self.showers} of its showers are in {one} too, with the same images ({first}); a shower may "
                "be in one split only. Leave one of the two files out."
            )
        return (
            f"{other}: {self.showers} of its showers have run, event, primary, energy and direction of showers in {one}, but "
            f"other images ({first}): parts of one shower, or one shower with other cores. Join the parts into one file, or "
            "leave one of the two files out; if they are different showers that were numbered alike, set "
            "data.repeated_numbers to allow."
        )


def with_content(images: np.ndarray, prints: np.ndarray) -> np.ndarray:
    """Return the fingerprints (n,) of images (n, ...), 0 for those with too few cells to be known by them."""
    return np.where(np.count_nonzero(images.reshape(len(images), -1), axis=1) < FEWEST_CELLS, np.uint64(0), prints)


def across_files(events: np.ndarray, prints: np.ndarray, kinds: list[str], numbers: bool = True) -> Meeting | None:
    """Return the first meeting of two files, of images before one of numbers, or None.

    `events` (N,): `source` and `shower_id` of all files made unique; `prints` (N,): as from `with_content`; `kinds`: of
    each row of `/sources`. `numbers`: whether to compare numbers too.
    """
    known = prints != 0
    found = _meeting(events, np.where(known, prints, 0), known, images=True)
    if found is None and numbers:
        found = _meeting(events, *_number_keys(events, kinds), images=False)
    return found


def joined(events: np.ndarray, prints: np.ndarray, kinds: list[str]) -> np.ndarray:
    """Return shower ids (N,) that images of one content, or showers of one number in one file, share.

    Splits keep together what shares an id.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, shower = np.unique(events["shower_id"], return_inverse=True)
    one, other = [], []
    for key, known in ((prints, prints != 0), _number_keys(events, kinds, of_file=True)):
        rows = np.flatnonzero(known)
        _, first, of_row = np.unique(key[rows], return_index=True, return_inverse=True)
        one.append(shower[rows])
        other.append(shower[rows[first[of_row]]])
    pairs = np.concatenate(one), np.concatenate(other)
    if np.array_equal(*pairs):
        return events["shower_id"]
    size = int(shower.max()) + 1
    return connected_components(coo_array((np.ones(len(pairs[0])), pairs), (size, size)), directed=False)[1][shower]


def _number_keys(events: np.ndarray, kinds: list[str], of_file: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return what names a shower, within its file or among all, bytes (N,), and whether it is known (N,)."""
    known = (events["run"] != UNKNOWN_NUMBER) & (events["event"] != UNKNOWN_NUMBER)
    number_of = {kind: number for number, kind in enumerate(sorted(set(kinds)))}
    kind = np.array([number_of[kind] for kind in kinds], "<i4")[events["source"]]
    columns = [events["source"] if of_file else kind, *(events[name] for name in NUMBERS)]
    packed = np.empty(len(events), [(f"{index}", column.dtype) for index, column in enumerate(columns)])
    for index, column in enumerate(columns):
        packed[f"{index}"] = column
    return packed.view(f"V{packed.itemsize}"), known


def _meeting(events: np.ndarray, key: np.ndarray, known: np.ndarray, images: bool) -> Meeting | None:
    rows = np.flatnonzero(known)
    _, first, of_row = np.unique(key[rows], return_index=True, return_inverse=True)
    heads = rows[first[of_row]]  # the first image of each row's key: of the first file that has it
    source = events["source"]
    meet = source[heads] != source[rows]
    if not meet.any():
        return None
    heads, rows = heads[meet], rows[meet]
    one, other = int(source[heads[0]]), int(source[rows[0]])
    same = (source[heads] == one) & (source[rows] == other)
    showers = len(np.unique(events["shower_id"][rows[same]]))
    return Meeting(one, other, int(heads[0]), int(rows[0]), showers, images)
