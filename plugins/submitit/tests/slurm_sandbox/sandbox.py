"""Start, disturb and stop a private SLURM; the package's docstring tells how to use it."""

import atexit
import os
import subprocess
import sys
import time

from slurm_sandbox import cgroups, configuration
from slurm_sandbox.daemons import Daemons
from slurm_sandbox.tools import TIMEOUT_S, SandboxError, alive, missing, wait_until


class Sandbox(Daemons):
    """A private SLURM of `nodes` nodes (n1, n2 …) with `cpus` cores, `memory` MiB and `gpus_per_node` pretended GPUs.

    `folder` must be empty or absent; None takes a temporary one that `stop` removes. `options` go into slurm.conf over
    `configuration.defaults`. Partitions: `main`, the default, and `urgent`, whose jobs preempt those of `main`.
    """

    # -- life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Sandbox":
        if lacking := missing(self._wanted["accounting"]):
            raise SandboxError(
                f"not installed: {', '.join(lacking)}; on Debian install slurmctld, slurmd, slurm-client and munge, "
                "for accounting also slurmdbd and mariadb-server"
            )
        if self._wanted["cgroups"] and (reason := cgroups.missing()):
            raise SandboxError(reason)
        began = time.monotonic()
        try:
            self._prepare()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        self.startup_s = time.monotonic() - began
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def stop(self) -> None:
        """End all that was started, jobs included, and remove the temporary folders; harmless when repeated."""
        self._stop_supervisor()
        self.pids.clear()

    def _start_all(self) -> None:
        self.start("munged")
        if self.layout.accounting:
            self._install_database()
            self.start("mariadbd")
            self.start("slurmdbd")
            self.run("sacctmgr", "--immediate", "add", "cluster", "sandbox")
        self.start("slurmctld", wait=False)
        for name in self.layout.node_names:
            self.start(name, wait=False)
        self.wait_ready()

    def _install_database(self) -> None:
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'database'}", "--skip-test-db"]
        if not os.getuid():
            command.append("--user=root")
        with self.log_file("install-db").open("wb") as log:
            done = subprocess.run(command, stdout=log, stderr=log, env=self.environment, timeout=TIMEOUT_S)
        if done.returncode:
            raise SandboxError(f"mariadb-install-db ended with {done.returncode}:\n{self.log_tail('install-db')}")

    def change(self, **options: object) -> dict[str, object]:
        """Set options of slurm.conf on the running sandbox; returns the former ones, to be given back to `change`.

        None takes an option back to its default. The controller is restarted (MaxArraySize needs it).
        """
        former = {key: self.layout.options.get(key) for key in options}
        merged = self.layout.options | options
        self.layout.options = {key: value for key, value in merged.items() if value is not None}
        self._write("etc/slurm.conf", configuration.slurm_conf(self.layout))
        self.restart("slurmctld")
        self.run("scontrol", "reconfigure")
        try:
            self.wait_ready()
        except SandboxError:
            # slurmd 24.11 takes a reconfiguration by starting itself anew, and what signals it in that moment ends it
            for name in self.layout.node_names:
                if not alive(self.pids[name]):
                    self.start(name, wait=False)
            self.wait_ready()
        return former

    # -- use -----------------------------------------------------------------------------------------------------

    def queue(self) -> list[dict[str, str]]:
        """What squeue shows, array tasks one by one: id, state, name, reason and comment."""
        names = ("id", "state", "name", "reason", "comment")
        rows = self.run("squeue", "--noheader", "--array", "--format=%i\x1f%T\x1f%j\x1f%r\x1f%k").stdout.splitlines()
        return [dict(zip(names, row.split("\x1f"), strict=True)) for row in rows]

    def clear(self) -> None:
        """Cancel all jobs and wait until squeue shows none."""
        self.run("scancel", "--user", self.layout.user)
        wait_until(lambda: not self.queue(), "squeue is empty after scancel")


_shared: dict[tuple[bool, bool], Sandbox] = {}


def shared(accounting: bool = False, with_cgroups: bool = False) -> Sandbox:
    """The sandbox that all tests of this process use together: started when first asked for, ends with the process."""
    kind = (accounting, with_cgroups)
    if kind not in _shared:
        _shared[kind] = Sandbox(accounting=accounting, cgroups=with_cgroups).__enter__()
        atexit.register(_shared[kind].stop)
        what = f"accounting: {accounting}, cgroups: {with_cgroups}"
        print(f"\nSLURM sandbox ({what}): ready after {_shared[kind].startup_s:.1f} s", file=sys.stderr)
    return _shared[kind]
