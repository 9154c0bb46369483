"""What SLURM says of itself and of this user, without a job; and what sbatch would take."""

import dataclasses
import getpass
import re
from collections.abc import Callable, Iterator

from .. import commands

Ask = Callable[[list[str]], commands.Answer]
TRIALS_AT_MOST = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Partition:
    """A line of sinfo."""

    name: str
    default: bool
    up: bool
    time_limit: str
    gres: str

    @property
    def gpus(self) -> list[str]:
        """Kinds and numbers per node: `a100:4`, or `4` where the kind has no name."""
        found = re.findall(r"\bgpu:((?:[^:,()]+:)?\d+)", self.gres)
        return list(dict.fromkeys(found))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cluster:
    """What was found. `accounts`: those of this user, its default account first; empty without a database."""

    configuration: dict[str, str]
    partitions: list[Partition]
    accounts: list[str]

    @property
    def database(self) -> bool:
        return "slurmdbd" in self.configuration.get("AccountingStorageType", "")


def read_partitions(text: str) -> list[Partition]:
    """Lines `name|up|limit|gres` of sinfo, several per partition where its nodes differ."""
    found: dict[str, Partition] = {}
    for line in text.splitlines():
        name, state, limit, gres = (line.split("|") + [""] * 4)[:4]
        name, default = name.removesuffix("*"), name.endswith("*")
        before = found[name].gres + "," if name in found else ""
        up = state.strip() == "up"
        found[name] = Partition(name=name, default=default, up=up, time_limit=limit.strip(), gres=before + gres)
    return list(found.values())


def read_accounts(text: str) -> list[str]:
    """Lines `account|default account` of sacctmgr."""
    rows = [(line.split("|") + [""])[:2] for line in text.splitlines() if line.strip("|")]
    return list(dict.fromkeys([default for _, default in rows if default] + [account for account, _ in rows]))


def look(configuration: dict[str, str], ask: Ask = commands.ask) -> Cluster:
    partitions = ask(["sinfo", "--noheader", "--format=%P|%a|%l|%G"])
    accounts = ""
    if "slurmdbd" in configuration.get("AccountingStorageType", ""):
        user = f"user={getpass.getuser()}"
        command = [
            "sacctmgr",
            "--noheader",
            "--parsable2",
            "show",
            "user",
            user,
            "withassoc",
            "format=account,defaultaccount",
        ]
        accounts = ask(command).text
    return Cluster(
        configuration=configuration, partitions=read_partitions(partitions.text), accounts=read_accounts(accounts)
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """With what sbatch takes a job, and what it said where it did not."""

    partition: str | None
    account: str | None
    refusal: str = ""  # of the profile as it is
    taken: bool = True


def choose(
    cluster: Cluster, partition: str | None, account: str | None, more: list[str], ask: Ask = commands.ask
) -> Choice:
    """Try the profile's partition and account, then others, with `sbatch --test-only`, which submits nothing."""
    refusal = ""
    for number, (one, other) in enumerate(_candidates(cluster, partition, account)):
        words = [f"--partition={one}"] * bool(one) + [f"--account={other}"] * bool(other)
        if not (said := would_refuse([*more, *words], ask)):
            return Choice(partition=one, account=other, refusal=refusal)
        refusal = refusal or said
        if number >= TRIALS_AT_MOST:
            break
    return Choice(partition=partition, account=account, refusal=refusal, taken=False)


def _candidates(
    cluster: Cluster, partition: str | None, account: str | None
) -> Iterator[tuple[str | None, str | None]]:
    partitions = [partition, *(one.name for one in cluster.partitions if one.up and one.name != partition)]
    for one in partitions:
        for other in [account, *(name for name in cluster.accounts if name != account)]:
            yield one, other


def would_refuse(options: list[str], ask: Ask = commands.ask) -> str:
    """What sbatch says against such a job; empty if it would take it."""
    answer = ask(["sbatch", "--test-only", "--time=1", *options, "--wrap=true"])
    return (
        ""
        if answer.ok
        else re.sub(r"^(sbatch: error: |allocation failure: )+", "", answer.error.strip()) or "no reason"
    )
