"""Words that help in a message. Standard library only."""

import difflib
from collections.abc import Iterable

DETERMINES_NO_RESULT = True  # for cascada.core.digest: prose


def close(word: str, known: Iterable[str]) -> str:
    """The known name nearest to a mistyped one, as the words of a message; nothing where none is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
