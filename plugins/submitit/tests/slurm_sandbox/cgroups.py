"""Real cgroups, version 1: for each controller a folder of the sandbox's own, which SLURM takes for the controller's root.

Every slurmd makes `slurm_n1`, `slurm_n2` … below the mount point that cgroup.conf names. That is a folder of links to the
sandbox's own cgroups, so that two sandboxes on one machine do not meet.
"""

import os
import stat
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
CONTROLLERS = ("freezer", "memory", "cpuacct", "cpuset", "devices")
MAJOR = 240  # for local and experimental use, says the kernel's list of devices


def missing() -> str | None:
    """Why cgroups cannot be used here, None if they can."""
    if lacking := [name for name in CONTROLLERS if not (MOUNTED / name / "cgroup.procs").exists()]:
        return f"cgroups of version 1 are not mounted: {', '.join(lacking)}"
    if not all(os.access(MOUNTED / name, os.W_OK) for name in CONTROLLERS):
        return "cgroups can be made by root only"
    return None


def make(links: Path) -> list[str]:
    """Make the sandbox's cgroups and the folder of links to them; returns the cgroups, to be removed at the end."""
    links.mkdir(mode=0o700)
    made = []
    for name in CONTROLLERS:
        own = MOUNTED / name / f"sandbox-{os.getpid()}-{links.parent.name}"
        own.mkdir()
        (links / name).symlink_to(own)
        made.append(str(own))
    for file in ("cpuset.cpus", "cpuset.mems"):  # empty in a new one, and nothing runs in it
        (links / "cpuset" / file).write_text((MOUNTED / "cpuset" / file).read_text())
    (links / "cpuset" / "cgroup.clone_children").write_text("1")
    return made


def make_device(file: Path, index: int) -> None:
    """A device that no driver stands behind: opening it fails with ENXIO where it is allowed, with EPERM where not."""
    os.mknod(file, 0o600 | stat.S_IFCHR, os.makedev(MAJOR, index))


def slurm_options() -> dict[str, object]:
    return {
        "ProctrackType": "proctrack/cgroup",
        "TaskPlugin": "task/cgroup",
        "JobAcctGatherType": "jobacct_gather/cgroup",
        "JobAcctGatherParams": "NoOverMemoryKill",
    }


def cgroup_conf(mount_point: Path) -> str:
    settings = {
        "CgroupPlugin": "cgroup/v1",
        "CgroupMountpoint": mount_point,
        "ConstrainRAMSpace": "yes",
        "AllowedRAMSpace": 100,
        "AllowedSwapSpace": 0,
        "ConstrainCores": "no",  # the nodes claim more than there are
        "ConstrainDevices": "yes",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())
