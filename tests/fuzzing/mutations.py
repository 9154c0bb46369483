"""What can happen to a file: to its bytes, to the records of a CORSIKA file, inside an HDF5 file, to a CORSIKA 8 library.

Each mutation changes the file at a path in place and returns a description. Its kind says what may come of it:

| kind        | an accepted mutant has                                                                       |
|-------------|----------------------------------------------------------------------------------------------|
| `structure` | the original's values: a part was lost, zeroed, doubled or cut off                           |
| `data`      | possible values, since some bytes are nobody's but the data's (a momentum, a cell's energy)  |

Two sub-blocks of a CORSIKA file that change places, or one that stands in the place of another, are `data`, too: if they
hold as many particles, nothing in the file tells.
"""

import dataclasses
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet

SPECIAL = (0.0, -1.0, 0.5, 1.0, 45.0, 999.0, 1001.5, 9.9e6 + 1201, 1e30, -1e30, np.nan, np.inf, -np.inf, 2.0**24)


@dataclass(frozen=True)
class Mutation:
    text: str
    kind: str  # "structure" or "data"
    changed: tuple[int, int] | None = None  # first byte and the one behind the last, where the file keeps its length


def mutate(path: Path, structure: str, random: np.random.Generator) -> Mutation:
    """Change the file (or one file of the folder) at `path`."""
    choices = {"corsika": [_bytes, _records, _words], "hdf5": [_bytes, _hdf5, _hdf5], "library": [_library]}
    return _pick(random, choices.get(structure, [_bytes]))(path, random)


def _pick(random: np.random.Generator, choices: list):
    return choices[int(random.integers(len(choices)))]


# -- bytes of any file


def _bytes(path: Path, random: np.random.Generator) -> Mutation:
    data = bytearray(path.read_bytes())
    # the beginning holds what all else hangs on
    place = int(random.integers(min(len(data), 3000) if random.random() < 0.4 else len(data)))
    length = int(min(2 ** random.integers(0, 13), len(data) - place))
    edits: dict[str, Callable] = {
        "bit": lambda: data.__setitem__(place, data[place] ^ 1 << int(random.integers(8))),
        "byte": lambda: data.__setitem__(place, int(random.integers(256))),
        "noise": lambda: data.__setitem__(slice(place, place + length), random.bytes(length)),
        "zeros": lambda: data.__setitem__(slice(place, place + length), bytes(length)),
        "ones": lambda: data.__setitem__(slice(place, place + length), b"\xff" * length),
        "insert": lambda: data.__setitem__(slice(place, place), random.bytes(length)),
        "delete": lambda: data.__delitem__(slice(place, place + length)),
        "double": lambda: data.__setitem__(slice(place, place), data[place : place + length]),
        "cut": lambda: data.__delitem__(slice(place, None)),
        "append": lambda: data.extend(random.bytes(length)),
    }
    name = _pick(random, list(edits))
    edits[name]()
    path.write_bytes(data)
    kept = name in ("bit", "byte", "noise", "zeros", "ones")
    kind = "data" if kept or name in ("insert", "delete", "double") else "structure"
    return Mutation(f"bytes: {name} at {place}, {length} long", kind, (place, place + length) if kept else None)


# -- records, sub-blocks and words of a CORSIKA 7 file


def _records(path: Path, random: np.random.Generator) -> Mutation:
    """Lose, zero, double or exchange whole records, or sub-blocks, after which the records are filled up again."""
    data = path.read_bytes()
    size = 4 * 21 * (273 if struct.unpack_from("<i", data)[0] == 22932 else 312)
    records = [data[start + 4 : start + 4 + size] for start in range(0, len(data), size + 8)]
    blocks = bool(random.integers(2))
    parts = (
        [record[i : i + size // 21] for record in records for i in range(0, size, size // 21)] if blocks else records
    )
    one, other = (int(random.integers(len(parts))) for _ in range(2))
    name = _pick(random, ["lose", "zero", "double", "exchange", "repeat elsewhere"])
    if name == "lose":
        del parts[one]
    elif name == "zero":
        parts[one] = bytes(len(parts[one]))
    elif name == "double":
        parts.insert(one, parts[one])
    elif name == "exchange":
        parts[one], parts[other] = parts[other], parts[one]
    else:
        parts[other] = parts[one]
    kind = "data" if name in ("exchange", "repeat elsewhere") else "structure"
    joined = b"".join(parts)
    mark = struct.pack("<i", size)
    path.write_bytes(
        b"".join(mark + joined[i : i + size].ljust(size, b"\0") + mark for i in range(0, len(joined), size))
    )
    return Mutation(f"{'sub-block' if blocks else 'record'}: {name} {one}, {other} of {len(parts)}", kind)


def _words(path: Path, random: np.random.Generator) -> Mutation:
    """Put a special number into one word, often one of a header."""
    data = bytearray(path.read_bytes())
    headers = [found.start() for found in re.finditer(b"RUNH|EVTH|EVTE|RUNE", data)]
    if random.random() < 0.6:
        place = _pick(random, headers) + 4 * int(random.integers(60))
    else:
        place = 4 * int(random.integers(len(data) // 4))
    value = _pick(random, list(SPECIAL))
    place = min(place, len(data) - 4)
    data[place : place + 4] = struct.pack("<f", value)
    path.write_bytes(data)
    return Mutation(f"word at {place} becomes {value}", "data", (place, place + 4))


# -- HDF5


def _hdf5(path: Path, random: np.random.Generator) -> Mutation:
    """Delete or change an attribute or a data set, or a number in it."""
    with h5py.File(path, "r+") as file:
        objects = [file, *(file[name] for name in _names(file))]
        chosen = _pick(random, objects)
        if random.random() < 0.5 and len(chosen.attrs):
            name = _pick(random, sorted(chosen.attrs))
            return Mutation(f"attribute {chosen.name}@{name}: {_attribute(chosen, name, random)}", "data")
        data = _pick(random, [one for one in objects if isinstance(one, h5py.Dataset)])
        edit = _pick(random, [_delete, _shorten, _as_type, _value, _value])
        kind = "structure" if edit in (_delete, _shorten) else "data"
        return Mutation(f"{data.name}: {edit(file, data, random)}", kind)


def _names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _attribute(holder, name: str, random: np.random.Generator) -> str:
    new = _pick(random, ["delete", -1, 3, 0.5, "text", "", np.nan, b"\xff\xfe", [1, 2], ["a"], ["a", "a"]])
    if isinstance(new, str) and new == "delete":
        del holder.attrs[name]
    else:
        holder.attrs[name] = new
    return f"{new!r}"


def _delete(file: h5py.File, data: h5py.Dataset, random: np.random.Generator) -> str:
    del file[data.name]
    return "deleted"


def _replace(file: h5py.File, data: h5py.Dataset, values: np.ndarray) -> None:
    name, attributes = data.name, dict(data.attrs)
    kind = data.dtype if values.dtype.kind == "O" or values.dtype.names else None
    del file[name]
    new = file.create_dataset(name, data=values, dtype=kind if kind == values.dtype else None)
    for key, value in attributes.items():
        new.attrs[key] = value


def _shorten(file: h5py.File, data: h5py.Dataset, random: np.random.Generator) -> str:
    if not data.shape or not len(data) or data.dtype.kind == "O" or h5py.check_string_dtype(data.dtype):
        return _delete(file, data, random)
    _replace(file, data, data[: int(random.integers(len(data)))])
    return "shortened"


def _as_type(file: h5py.File, data: h5py.Dataset, random: np.random.Generator) -> str:
    if data.dtype.kind not in "fiu":
        return _delete(file, data, random)
    kind = _pick(random, ["f8", "i4", "u1", "S8", "f2", ">f4"])
    with np.errstate(all="ignore"):
        _replace(file, data, data[:].astype(kind))
    return f"as {kind}"


def _value(file: h5py.File, data: h5py.Dataset, random: np.random.Generator) -> str:
    values, value = data[:], _pick(random, list(SPECIAL))
    if data.dtype.names:
        names = [name for name in data.dtype.names if values[name].dtype.kind in "fiu"]
        column = values[_pick(random, names)]
    else:
        column = values
    if column.dtype.kind not in "fiu" or not column.size:
        return "as it was"
    with np.errstate(all="ignore"):
        column.reshape(-1)[int(random.integers(column.size))] = np.array(value).astype(column.dtype)
    data[:] = values
    return f"a number becomes {value}"


# -- CORSIKA 8


def _library(path: Path, random: np.random.Generator) -> Mutation:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    file = _pick(random, files)
    if file.suffix == ".parquet":
        return _pick(random, [_bytes, _rows])(file, random)
    name = _pick(random, ["bytes", "delete the file", "lose a line", "double a line", "a value"])
    lines = file.read_text().splitlines()
    line = int(random.integers(len(lines)))
    if name == "bytes":  # of a text, which may still be one without some of them
        return dataclasses.replace(_bytes(file, random), kind="data")
    if name == "delete the file":
        file.unlink()
        return Mutation(f"{file.name}: deleted", "data")
    if name == "a value":
        value = _pick(random, ["0", "-1", ".nan", ".inf", "1e400", "text", "[]", "{}", "~", "[1, 2]", "9" * 400, "2.5"])
        lines[line] = re.sub(r"([:-] ).*", lambda found: found[1] + value, lines[line])
    else:
        lines[line : line + 1] = [] if name == "lose a line" else [lines[line]] * 2
    file.write_text("\n".join(lines) + "\n")
    return Mutation(f"{file.parent.name}/{file.name}: {name}, line {line}", "data")


def _rows(file: Path, random: np.random.Generator) -> Mutation:
    """Lose, double or exchange rows of the table of particles, or put a special number into one."""
    columns = {name: column.to_numpy().copy() for name, column in _table(file).items()}
    number = len(columns["pdg"])
    one, other = (int(random.integers(number)) for _ in range(2))
    name = _pick(random, ["a column lost", "a column's type", "rows exchanged", "a number"])
    column = _pick(random, sorted(columns))
    with np.errstate(all="ignore"):
        if name == "a column lost":
            del columns[column]
        elif name == "a column's type":
            columns[column] = columns[column].astype(_pick(random, ["f8", "i8", "S4", "bool", "i2"]))
        elif name == "rows exchanged":
            for values in columns.values():
                values[[one, other]] = values[[other, one]]
        else:
            value = _pick(random, list(SPECIAL))
            columns[column][one] = np.array(value).astype(columns[column].dtype)
            name = f"{column} of row {one} becomes {value}"
    file.unlink()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return Mutation(f"particles.parquet: {name} ({column})", "data")


def _table(file: Path) -> dict:
    with pyarrow.parquet.ParquetFile(file) as parquet:
        table = parquet.read()
    return {name: table[name] for name in table.column_names}
