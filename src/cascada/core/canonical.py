"""One text for one value, to be hashed or compared. Standard library only."""

import json
from typing import Any


def canonical(value: Any) -> str:
    """JSON that does not depend on the order of keys, nor on whether a whole number was written as 1 or 1.0."""
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
