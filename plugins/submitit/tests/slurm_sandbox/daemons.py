"""The daemons of a sandbox: their folder and files, and how each is started, disturbed and ended."""

import contextlib
import getpass
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from slurm_sandbox import cgroups, configuration, supervisor
from slurm_sandbox.configuration import Layout
from slurm_sandbox.tools import (
    TIMEOUT_S,
    SandboxError,
    alive,
    free_ports,
    is_on_node,
    parent,
    running,
    search_path,
    slurm_version,
    wait_until,
)

SHORT_FOLDER = "/tmp"  # a socket's path has at most 107 characters


class Daemons:
    """What a sandbox consists of; `sandbox.Sandbox` tells the arguments."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        nodes: int = 2,
        gpus_per_node: int = 2,
        cpus: int = 8,
        memory: int = 10000,
        accounting: bool = False,
        cgroups: bool = False,
        options: dict[str, object] | None = None,
    ):
        self._given_folder = folder
        self._wanted = {
            "nodes": nodes,
            "gpus_per_node": gpus_per_node,
            "cpus": cpus,
            "memory": memory,
            "accounting": accounting,
            "cgroups": cgroups,
        }
        self._options = dict(options or {})
        self._temporary: list[str] = []
        self._supervisor: subprocess.Popen | None = None
        self.pids: dict[str, int] = {}
        self.startup_s: float | None = None

    def _prepare(self) -> None:
        """Folders, configuration files and the supervisor."""
        folder = self._own_folder()
        sockets = self._temporary_folder("munge-", SHORT_FOLDER)
        self.folder = folder
        self.layout = Layout(
            folder=folder,
            socket=sockets / "s",
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser() if os.getuid() else "root",
            version=slurm_version(),
            options=self._options,
            **self._wanted,
        )
        listening = [name for name in self.layout.daemon_names if name != "munged"]
        self.layout.ports.update(zip(listening, free_ports(len(listening)), strict=True))
        self.configuration_file = folder / "etc" / "slurm.conf"
        for name in ("etc", "state", "spool", "gpus", "log"):
            (folder / name).mkdir(mode=0o700)
        for name in self.layout.node_names:
            (folder / "spool" / name).mkdir(mode=0o700)
        for index, file in enumerate(configuration.gpu_files(self.layout)):
            if self.layout.cgroups:
                cgroups.make_device(file, index)
            else:
                file.symlink_to(os.devnull)  # slurmd wants a character device; without cgroups nobody opens it
        self._write("munge.key", secrets.token_bytes(128))
        self._write("etc/slurm.conf", configuration.slurm_conf(self.layout))
        self._write("etc/gres.conf", configuration.gres_conf(self.layout))
        self._write("etc/cgroup.conf", configuration.cgroup_conf(self.layout))
        if self.layout.cgroups:
            self._temporary += cgroups.make(folder / "cgroup")
        if self.layout.accounting:
            password = secrets.token_hex(16)
            self._write("etc/slurmdbd.conf", configuration.slurmdbd_conf(self.layout, password))
            self._write("database.sql", configuration.database_sql(password))
        self._start_supervisor()

    def _temporary_folder(self, prefix: str, place: str | None = None) -> Path:
        """A folder that the supervisor removes at its end, also where this process is killed."""
        self._temporary.append(tempfile.mkdtemp(prefix=prefix, dir=place))
        return Path(self._temporary[-1])

    def _own_folder(self) -> Path:
        if self._given_folder is None:
            return self._temporary_folder("slurm-")
        folder = Path(self._given_folder).absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SandboxError(f"{folder} is not empty; give a new folder or None for a temporary one")
        folder.chmod(0o700)
        return folder

    def _write(self, name: str, content: str | bytes) -> None:
        file = self.folder / name
        new = file.with_name(file.name + ".new")
        new.touch(mode=0o600)
        new.write_bytes(content.encode() if isinstance(content, str) else content)
        new.rename(file)

    def _start_supervisor(self) -> None:
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(os.getpid()), *self._temporary],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )

    def _stop_supervisor(self) -> None:
        if self._supervisor is None:
            return
        with contextlib.suppress(OSError):
            self._supervisor.stdin.write(b'{"stop": true}\n')
            self._supervisor.stdin.flush()
        self._supervisor.wait(timeout=TIMEOUT_S)
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self._supervisor = None

    # -- one daemon ----------------------------------------------------------------------------------------------

    def start(self, name: str, wait: bool = True) -> int:
        """Start the daemon `name` (munged, mariadbd, slurmdbd, slurmctld, n1 …) and wait until it answers; its pid."""
        if name not in self.layout.daemon_names:
            raise SandboxError(f"no daemon {name!r}; there are {', '.join(self.layout.daemon_names)}")
        order = {
            "command": configuration.command(self.layout, name),
            "log": str(self.log_file(name)),
            "folder": str(self.folder),
            "environment": self.environment,
        }
        self._supervisor.stdin.write(json.dumps(order).encode() + b"\n")
        self._supervisor.stdin.flush()
        answer = json.loads(self._supervisor.stdout.readline() or '{"error": "the supervisor has ended"}')
        if "error" in answer:
            raise SandboxError(f"{name} did not start: {answer['error']}")
        self.pids[name] = answer["pid"]
        if wait:
            self._wait_for(name)
        return self.pids[name]

    def _wait_for(self, name: str) -> None:
        answers = {
            "munged": lambda: self.layout.socket.exists(),
            "mariadbd": lambda: self._listens("mariadbd"),
            "slurmdbd": lambda: self._listens("slurmdbd"),
            "slurmctld": lambda: self._succeeds("scontrol", "ping"),
        }.get(name, lambda: self._node_state(name) in ("idle", "mixed", "allocated", "completing"))

        def ready() -> bool:
            self.check_alive(name)
            return answers()

        try:
            wait_until(ready, f"{name} answers")
        except SandboxError as error:
            raise SandboxError(f"{error}; its log ends with\n{self.log_tail(name)}") from None

    def wait_ready(self) -> None:
        """Wait until the controller answers and every node can take jobs."""
        for name in ("slurmctld", *self.layout.node_names):
            self._wait_for(name)

    def check_alive(self, name: str) -> None:
        if not alive(self.pids[name]):
            raise SandboxError(f"{name} has ended; its log ends with\n{self.log_tail(name)}")

    def pause(self, name: str) -> None:
        """SIGSTOP: the daemon is there and does not answer."""
        os.kill(self.pids[name], signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.kill(self.pids[name], signal.SIGCONT)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send the signal and wait until the daemon is gone; jobs that a slurmd started go on."""
        pid = self.pids[name]
        os.kill(pid, number)
        wait_until(lambda: not alive(pid), f"{name} has ended after signal {number}")

    def crash(self, node: str) -> None:
        """SIGKILL to the node's slurmd and to all jobs on it, as if its power went off; `start` brings it back."""
        self.kill(node)
        # looked for again and again: what forks at the moment of a look, or changes its parent, is not seen in it
        while steps := self.processes_on(node):
            # parents first: a job's slurmstepd must not live to report the job's end
            supervisor.send(sorted({parent(pid) for pid in steps} - {0, self._supervisor.pid}), signal.SIGKILL)
            supervisor.send(steps, signal.SIGKILL)
            time.sleep(0.05)

    def processes_on(self, node: str) -> list[int]:
        """The living processes of all jobs on this node."""
        return [pid for pid in running() if is_on_node(pid, node, self.configuration_file)]

    def restart(self, name: str) -> None:
        """End the daemon in order and start it again; the controller keeps its jobs."""
        if alive(self.pids[name]):
            self.kill(name, signal.SIGTERM)
        self.start(name)

    def cpu_seconds_of_ended_jobs(self) -> float:
        """CPU time of all jobs that have ended so far, with all their processes and SLURM's own that started them.

        The kernel adds it up: they are waited for by the supervisor, which is handed all orphans.
        """
        fields = Path(f"/proc/{self._supervisor.pid}/stat").read_text().rsplit(")", 1)[1].split()
        user, system = int(fields[13]), int(fields[14])  # cutime and cstime of proc(5)
        return (user + system) / os.sysconf("SC_CLK_TCK")

    def log_file(self, name: str) -> Path:
        return self.folder / "log" / name

    def log_tail(self, name: str, lines: int = 20) -> str:
        try:
            return "\n".join(self.log_file(name).read_text(errors="replace").splitlines()[-lines:])
        except OSError as error:
            return str(error)

    def _listens(self, name: str) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.layout.ports[name])) == 0

    @property
    def exports(self) -> dict[str, str]:
        """The variables by which SLURM's commands find the sandbox."""
        return {"SLURM_CONF": str(self.configuration_file), "PATH": search_path()}

    @property
    def environment(self) -> dict[str, str]:
        """A whole environment for subprocesses: this process's, without what an outer SLURM or Snakemake set."""
        foreign = ("SLURM", "SBATCH_", "SACCT_", "SQUEUE_", "SRUN_", "SINFO_", "SNAKEMAKE_PROFILE")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        return kept | self.exports

    def run(self, *command: str | Path, check: bool = True, timeout_s: float = TIMEOUT_S, **keywords):
        """Run a command in the sandbox's environment; subprocess.CompletedProcess with text. Errors show stderr."""
        keywords.setdefault("env", self.environment)
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=timeout_s, **keywords
        )
        if check and done.returncode:
            raise SandboxError(
                f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def _succeeds(self, *command: str) -> bool:
        return self.run(*command, check=False).returncode == 0

    def _node_state(self, name: str) -> str:
        states = self.run("sinfo", "--noheader", "--nodes", name, "--format=%T", check=False).stdout.split()
        return states[0] if states else "unknown"
