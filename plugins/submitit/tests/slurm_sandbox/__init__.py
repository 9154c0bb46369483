"""A private SLURM on one machine, for tests and for trying things out.

It starts munged, slurmctld and one slurmd per node (with accounting also mariadbd and slurmdbd) on free ports of the
loopback interface, below one folder that only the user can enter. Nothing of the machine's own SLURM is read or
touched, two sandboxes can live side by side, and all that was started ends with the process that asked for it, even
when that is killed. Needs what Debian packages as slurmctld, slurmd, slurm-client and munge (slurmdbd and
mariadb-server for accounting); systemd and GPUs are not needed: the GPUs are pretended, so that jobs get their
CUDA_VISIBLE_DEVICES. Memory is watched by sampling; with `cgroups=True` (root, cgroups of version 1) the kernel limits
it, tracks the processes of a job, and keeps from it the devices of GPUs that it has not asked for.

In Python::

    with Sandbox(nodes=2, gpus_per_node=2, accounting=True, options={"MaxArraySize": 5}) as sandbox:
        sandbox.run("sbatch", "--wrap", "hostname").stdout  # any command; text of stdout and stderr
        subprocess.run(["snakemake", "--executor", "submitit"], env=sandbox.environment)
        sandbox.pause("slurmctld")  # SIGSTOP; sandbox.resume("slurmctld") goes on
        sandbox.kill("n2")  # SIGKILL to this node's slurmd; sandbox.start("n2") starts it again
        sandbox.change(KillWait=5)  # rewrites slurm.conf, restarts slurmctld with its state, reconfigures the nodes
        sandbox.queue()  # squeue as a list of jobs; sandbox.clear() cancels them and waits until all are gone

In pytest: the fixtures `sandbox` and `accounting_sandbox` (conftest.py) are shared by the whole session of one worker.
Restore what a test changes (`change`, `pause`, `kill`), and leave the queue empty.

On the command line: `python -m slurm_sandbox [--accounting] [--cgroups]` opens a shell in which sbatch, squeue and the rest speak
to the sandbox; without a terminal it prints the exports to use and waits for Ctrl-C.
"""

from slurm_sandbox.sandbox import Sandbox, shared
from slurm_sandbox.tools import SandboxError, missing, wait_until

__all__ = ["Sandbox", "SandboxError", "missing", "shared", "wait_until"]
