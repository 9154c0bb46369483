"""The texts of the sandbox's configuration files, as functions of what was asked for."""

import dataclasses
from pathlib import Path

from slurm_sandbox import cgroups


@dataclasses.dataclass(kw_only=True, slots=True)
class Layout:
    """What the configuration files are made of. Memory in MiB; `socket` is munged's, below 108 characters."""

    folder: Path
    socket: Path
    host: str
    user: str
    nodes: int
    gpus_per_node: int
    cpus: int
    memory: int
    accounting: bool
    cgroups: bool = False
    version: tuple[int, int] = (22, 5)  # of SLURM
    ports: dict[str, int] = dataclasses.field(default_factory=dict)  # slurmctld, n1 …, mariadbd, slurmdbd
    options: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def node_names(self) -> list[str]:
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    @property
    def daemon_names(self) -> list[str]:
        """In the order in which they start."""
        database = ["mariadbd", "slurmdbd"] if self.accounting else []
        return ["munged", *database, "slurmctld", *self.node_names]


def defaults(layout: Layout) -> dict[str, object]:
    """slurm.conf but for its nodes and partitions; `layout.options` goes over it."""
    folder = layout.folder
    return {
        "ClusterName": "sandbox",
        "SlurmctldHost": f"{layout.host}(127.0.0.1)",
        "SlurmctldPort": layout.ports["slurmctld"],
        "SlurmUser": layout.user,
        "SlurmdUser": layout.user,
        "AuthType": "auth/munge",
        # a requeued job waits for cred_expire seconds, 120 if nothing is said
        "AuthInfo": f"socket={layout.socket},cred_expire=5",
        "CredType": "cred/munge",
        "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool" / "%n",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "%n.pid",
        "SlurmdParameters": "config_overrides",  # the nodes claim more cores than the machine has
        "GresTypes": "gpu",
        "MpiDefault": "none",
        "MailProg": "/bin/true",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "DefMemPerCPU": 500,
        "SchedulerParameters": "sched_interval=1,batch_sched_delay=0,sched_min_interval=0,bf_interval=1",
        "PreemptType": "preempt/partition_prio",
        "PreemptMode": "REQUEUE",
        "ReturnToService": 2,
        "SlurmctldTimeout": 120,
        "SlurmdTimeout": 60,
        "KillWait": 5,
        "MinJobAge": 300,
        # memory limits without cgroups: the processes are sampled once a second
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobAcctGatherFrequency": "task=1",
        "JobAcctGatherParams": "OverMemoryKill",
        **(cgroups.slurm_options() if layout.cgroups else {}),
        **accounting(layout),
    }


def accounting(layout: Layout) -> dict[str, object]:
    if not layout.accounting:
        return {"AccountingStorageType": "accounting_storage/none"}
    return {
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": "127.0.0.1",
        "AccountingStoragePort": layout.ports["slurmdbd"],
        "AccountingStoragePass": layout.socket,
        "AccountingStoreFlags": "job_comment",
        "AccountingStorageTRES": "gres/gpu",
    }


def slurm_conf(layout: Layout) -> str:
    lines = [f"{key}={value}" for key, value in (defaults(layout) | layout.options).items()]
    gpus = f" Gres=gpu:fake:{layout.gpus_per_node}" if layout.gpus_per_node else ""
    for name in layout.node_names:
        lines.append(
            f"NodeName={name} NodeHostname={layout.host} NodeAddr=127.0.0.1 Port={layout.ports[name]} "
            f"CPUs={layout.cpus} RealMemory={layout.memory}{gpus} State=UNKNOWN"
        )
    lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1")
    # a job in this partition preempts (requeues) jobs of the other one
    lines.append("PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10")
    return "\n".join(lines) + "\n"


def cgroup_conf(layout: Layout) -> str:
    """Needed from SLURM 23.11 on where there are no cgroups; older ones do not know this value."""
    if layout.cgroups:
        return cgroups.cgroup_conf(layout.folder / "cgroup")
    return "CgroupPlugin=disabled\n" if layout.version >= (23, 11) else ""


def gpu_files(layout: Layout) -> list[Path]:
    return [layout.folder / "gpus" / f"gpu{index}" for index in range(layout.gpus_per_node)]


def gres_conf(layout: Layout) -> str:
    lines = [
        f"NodeName={name} Name=gpu Type=fake File={file}" for name in layout.node_names for file in gpu_files(layout)
    ]
    return "\n".join(lines) + "\n"


def slurmdbd_conf(layout: Layout, password: str) -> str:
    settings = {
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={layout.socket}",
        "DbdHost": layout.host,
        "DbdAddr": "127.0.0.1",
        "DbdPort": layout.ports["slurmdbd"],
        "SlurmUser": layout.user,
        "PidFile": layout.folder / "slurmdbd.pid",
        "StorageType": "accounting_storage/mysql",
        "StorageHost": "127.0.0.1",
        "StoragePort": layout.ports["mariadbd"],
        "StorageUser": "slurm",
        "StoragePass": password,
        "StorageLoc": "accounting",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def database_sql(password: str) -> str:
    """What mariadbd runs at its start; one statement per line, as --init-file wants it."""
    return (
        "CREATE DATABASE IF NOT EXISTS accounting;\n"
        f"CREATE USER IF NOT EXISTS slurm@'127.0.0.1' IDENTIFIED BY '{password}';\n"
        "GRANT ALL ON accounting.* TO slurm@'127.0.0.1';\n"
    )


def command(layout: Layout, name: str) -> list[str]:
    """The command of one daemon, in the foreground; its folder is the working folder."""
    folder = layout.folder
    if name == "munged":
        # --force: munged wants its socket where every user can reach it, here only the user may
        files = {"key": "munge.key", "pid": "munged.pid", "seed": "munge.seed", "log": "munged.log"}
        options = [f"--{option}-file={folder / file}" for option, file in files.items()]
        return ["munged", "--foreground", "--force", "--num-threads=4", f"--socket={layout.socket}", *options]
    if name == "mariadbd":
        settings = {
            "user": layout.user,
            "datadir": folder / "database",
            "socket": folder / "mariadbd.sock",
            "pid-file": folder / "mariadbd.pid",
            "bind-address": "127.0.0.1",
            "port": layout.ports["mariadbd"],
            "init-file": folder / "database.sql",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-lock-wait-timeout": 900,
            "skip-name-resolve": 1,
        }
        return ["mariadbd", "--no-defaults", *(f"--{key}={value}" for key, value in settings.items())]
    if name in ("slurmdbd", "slurmctld"):
        return [name, "-D"]
    return ["slurmd", "-D", "-N", name]
