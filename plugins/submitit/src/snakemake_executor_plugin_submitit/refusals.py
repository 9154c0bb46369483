"""What sbatch says when it takes no job, and what that means for the next try."""

import re

# sbatch says no for ever
FATAL = re.compile(
    r"invalid (partition|account|qos|feature|generic resource|gres|wckey|node name|job array|time|number|user id|"
    r"constraint|reservation|directive|argument|trackable|cluster|numeric|--|mem|gpu)"
    r"|requested (node configuration|partition configuration|time limit|reservation|nodes)|unrecognized option"
    r"|unknown option|violates accounting/qos|memory (required|specification)|cpu count|node count|more processors"
    r"|access/permission denied|user not found|not permitted|no partition specified|mutually exclusive|unable to parse"
    r"|could not detect \"srun\"|unavailable parameter|account or partition|associat|licen[cs]e|not a valid|no such file",
    re.IGNORECASE,
)
LIMIT = re.compile(r"MaxSubmit|GrpSubmit", re.IGNORECASE)
AWAY = re.compile(
    r"unable to contact|connection refused|connection (failure|reset)|timed out|transport endpoint|zero bytes|"
    r"unexpected message|temporarily",
    re.IGNORECASE,
)


class SubmitError(Exception):
    """A submission has failed; `text` are sbatch's own words, `kind` is what they mean (see `refusal`)."""

    def __init__(self, text: str, kind: str = "unknown"):
        super().__init__(text)
        self.text, self.kind = text, kind


def refusal(text: str) -> SubmitError:
    """What sbatch's words mean: limit (too many jobs of this user), away (no controller), fatal (never), unknown."""
    kinds = {"limit": LIMIT, "away": AWAY, "fatal": FATAL}
    kind = next((kind for kind, pattern in kinds.items() if pattern.search(text)), "unknown")
    return SubmitError(text.strip() or "sbatch failed and said nothing", kind)
