"""Nodes on which jobs fail for the nodes' sake: they are left out of later submissions (`--exclude`).

A node counts as bad when SLURM has lost it under a job, and when it is a "black hole": jobs of several rules have died
there at once, none has succeeded there since, and the same rules succeed elsewhere. No I/O here.
"""

import dataclasses

INNOCENT = {"CANCELLED", "PREEMPTED", "TIMEOUT", "OUT_OF_MEMORY", "DEADLINE"}  # ends that are not for the node's sake
LOST = {"NODE_FAIL", "BOOT_FAIL", "LAUNCH_FAILED"}
AT_ONCE_S = 60.0  # a job that dies later has had what it needs from its node
RULES = 2  # that have to die there: one may be at fault itself


@dataclasses.dataclass
class Nodes:
    """What is known of the nodes; `at_most` of them are left out."""

    at_most: int
    lost: list[str] = dataclasses.field(default_factory=list)
    _died: dict[str, set[str]] = dataclasses.field(default_factory=dict)  # node -> rules
    _succeeded: dict[str, set[str]] = dataclasses.field(default_factory=dict)  # rule -> nodes

    def note_state(self, node: str, state: str) -> None:
        """What SLURM says of a job there."""
        if is_one(node) and state in LOST and node not in self.lost:
            self.lost.append(node)

    def note_end(self, node: str, rule: str, ok: bool, seconds: float, state: str = "") -> None:
        """A job of this rule has ended there after some seconds; `state` is SLURM's."""
        if not is_one(node) or (not ok and state in INNOCENT):
            return
        if ok:
            self._succeeded.setdefault(rule, set()).add(node)
            self._died.pop(node, None)
        elif seconds < AT_ONCE_S:
            self._died.setdefault(node, set()).add(rule)

    @property
    def bad(self) -> tuple[str, ...]:
        """The nodes to leave out."""
        holes = []
        for node, rules in self._died.items():
            fine_elsewhere = [rule for rule in rules if self._succeeded.get(rule, set()) - {node}]
            if len(fine_elsewhere) >= RULES:
                holes.append(node)
        return tuple(dict.fromkeys([*self.lost, *holes]))[: self.at_most]

    def forget(self) -> None:
        """Start over: sbatch finds no node without the bad ones."""
        self.lost.clear()
        self._died.clear()


def is_one(node: str) -> bool:
    """Whether this names one node, and not several or none."""
    return bool(node) and not set(node) & set(",[( ")
