"""Read the shell command of a Snakemake job, to call Snakemake in a forked process instead of starting a new one.

Only what is certain to be understood is read: `[cd FOLDER &&] [export NAME=VALUE … &&] PYTHON -m snakemake ARGUMENTS`, without
anything that a shell would expand or redirect. All else is left to a shell.
"""

import ast
import dataclasses
import os
import re
import shlex
import shutil
import sys

# outside of quotes these may mean something to a shell; `&` is looked at by itself
SPECIAL = set("$`\\*?[]{}~#<>|;()!\n")
SPECIAL_IN_DOUBLE_QUOTES = set("$`\\!")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """A call of Snakemake's command line in this interpreter."""

    arguments: list[str]
    folder: str | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


def parse(command: str, interpreter: str = sys.executable) -> Call | None:
    """The call that the command stands for; None if it needs a shell or another interpreter."""
    words = split(command)
    if words is None:
        return None
    folder: str | None = None
    environment: dict[str, str] = {}
    *before, last = _between_ands(words)
    for part in before:
        if len(part) == 2 and part[0] == "cd" and not part[1].startswith("-") and folder is None:
            folder = part[1]
        elif len(part) > 1 and part[0] == "export" and all("=" in word for word in part[1:]):
            environment |= dict(word.split("=", 1) for word in part[1:])
        else:
            return None
    if last[1:3] != ["-m", "snakemake"] or not is_interpreter(last[0], interpreter):
        return None
    return Call(arguments=last[3:], folder=folder, environment=environment)


def is_interpreter(word: str, interpreter: str = sys.executable) -> bool:
    """Compared as paths and not as files: the python of a virtual environment is a link to another one's."""
    found = shutil.which(word)
    return found is not None and os.path.abspath(found) == os.path.abspath(interpreter)


def split(command: str) -> list[str] | None:
    """The command's words with quotes taken off, `&&` as a word of its own; None if a shell has more to do."""
    words: list[str] = []
    word: str | None = None
    position = 0
    while position < len(command):
        character = command[position]
        if character in "'\"":
            end = command.find(character, position + 1)
            inside = command[position + 1 : end]
            if end < 0 or (character == '"' and SPECIAL_IN_DOUBLE_QUOTES & set(inside)):
                return None
            word, position = (word or "") + inside, end
        elif character in " \t&":
            words += [word] if word is not None else []
            word = None
            if character == "&":
                if command[position : position + 2] != "&&":
                    return None
                words.append(AND)
                position += 1
        elif character in SPECIAL:
            return None
        else:
            word = (word or "") + character
        position += 1
    return words + ([word] if word is not None else [])


AND = "\0&&"  # no word of a command can hold a zero byte


def _between_ands(words: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == AND:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def requoted(arguments: str) -> str:
    """The arguments that Snakemake writes for a shell, with the quotes that a shell needs.

    Snakemake quotes as Python does: of `it's $HOME` it makes `"it's $HOME"`, in which a shell puts the folder's name, and it
    writes a backslash twice. What is exactly Python's word for a string is such a string; all else stays.
    """

    def for_shell(found: re.Match) -> str:
        text = found[0]
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text
        return shlex.quote(value) if repr(value) == text else text

    return STRING.sub(for_shell, arguments)
