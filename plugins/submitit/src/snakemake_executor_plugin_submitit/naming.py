"""The names that jobs go by: in squeue, in comments, in the names of their logs. Pure functions."""

import re
from collections.abc import Sequence

COMMENT_BYTES = 700
JOB_NAME_BYTES = 60
FILE_NAME_BYTES = 150  # of 255; a token and an ending follow
UNSAFE = re.compile(r"[^\w=.,:;+@/ -]")


def file_name(text: str) -> str:
    """Cut to FILE_NAME_BYTES: a name in a folder may have 255 bytes, whatever the number of its characters."""
    return cut(re.sub(r"[^\w=.,+-]+", "_", text), FILE_NAME_BYTES)


def cut(text: str, size: int) -> str:
    """The beginning of the text that takes at most `size` bytes, characters left whole."""
    return text.encode(errors="replace")[:size].decode(errors="ignore")


def job_name(rule: str, names: Sequence[str], prefix: str = "") -> str:
    """What squeue shows in its column NAME: the rule, and the wildcards where there is one job only."""
    text = names[0] if len(names) == 1 else rule
    name = cut(UNSAFE.sub("_", text.replace(", ", ",").replace(" ", ":")), JOB_NAME_BYTES) or "job"
    return prefix + name


def comment(token: str, names: Sequence[Sequence[str]], first: str = "") -> str:
    """The comment of an sbatch: what the site wants, the token by which it is found again, and each task's jobs."""
    lines = []
    for index, members in enumerate(names):
        prefix = f"{index}: " if len(names) > 1 else ""
        lines.append(prefix + " + ".join(members))
    ours = UNSAFE.sub("_", f"snakemake-submitit {token} {'; '.join(lines)}")
    return f"{first} {cut(ours, COMMENT_BYTES)}".lstrip()
