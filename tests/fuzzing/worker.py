"""One process that reads mutants, one after the other, and says how each ended; it may die of one, its parent goes on."""

import resource
import sys
import tempfile
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from .corpus import Original, originals
from .mutations import Mutation, mutate
from .verdict import Result, WrongError, copy, judge, read

MARGIN = 96 * 2**20  # bytes of memory that a mutant may need beyond the good files
ADDRESSES = 8 * 2**30  # bytes: beyond this the machine would suffer


class Reader:
    """Reads the originals once, then mutants of them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.output = folder / "output"
        self.output.mkdir(parents=True)
        (folder / "originals").mkdir()
        self.originals = originals(folder / "originals")
        self.good = [self._good(original) for original in self.originals]
        self.memory = _peak() + MARGIN

    def _good(self, original: Original) -> Result:
        result = read(original, copy(original, self.folder / original.path.name), self.output)
        if result.refusal:
            raise WrongError(f"{original.path}: a good file was refused: {result.refusal}")
        return result

    def mutant(self, seed: int, number: int) -> tuple[Original, Mutation, Path]:
        """Make mutant `number`: the same for the same seed, in whichever process."""
        random = np.random.default_rng([seed, number])
        original = self.originals[number % len(self.originals)]
        path = copy(original, self.folder / f"mutant_{original.path.name}")
        return original, mutate(path, original.structure, random), path

    def end(self, seed: int, number: int) -> tuple[str, str, str]:
        """Return the file's name, the mutation and how it ended, "FAILED: ..." if wrong."""
        original, mutation, path = self.mutant(seed, number)
        good = self.good[number % len(self.originals)]
        try:
            end = judge(original, good, mutation, read(original, path, self.output))
            if _peak() > self.memory:
                self.memory = _peak() + MARGIN
                raise WrongError(f"{_peak() / 2**20:.0f} MB of memory")
        except WrongError as error:
            end = f"FAILED: {error}"
        except BaseException:
            end = f"FAILED: {''.join(traceback.format_exc(limit=-4))}"
        for leftover in self.output.iterdir():
            leftover.unlink()
        return original.path.name, mutation.text, end


def _peak() -> int:
    """Return the peak of this process's resident memory in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(connection: Connection, seed: int, numbers: range) -> None:
    """Send (number, file, mutation, end) of each mutant; the number alone when it begins."""
    warnings.simplefilter("error")  # a user would see them
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder))
        for number in numbers:
            connection.send(number)
            connection.send((number, *reader.end(seed, number)))
    connection.send(None)
    sys.stdout.flush()
