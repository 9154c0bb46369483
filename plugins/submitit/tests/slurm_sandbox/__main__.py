"""Try a private SLURM: `python -m slurm_sandbox [--accounting] [--cgroups]` opens a shell on it, and ends it with the shell.

Without a terminal it prints the exports to use and waits for Ctrl-C.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys

from slurm_sandbox import Sandbox, SandboxError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="slurm_sandbox", description=__doc__)
    parser.add_argument("--accounting", action="store_true", help="with a database, for sacct")
    parser.add_argument("--cgroups", action="store_true", help="with real memory limits and devices (root, cgroups v1)")
    parser.add_argument("--nodes", type=int, default=2, help="number of nodes (default %(default)s)")
    parser.add_argument("--cpus", type=int, default=8, help="cores that each node claims (default %(default)s)")
    parser.add_argument("--memory", type=int, default=10000, help="memory of each node in MiB (default %(default)s)")
    parser.add_argument("--gpus", type=int, default=2, help="pretended GPUs per node (default %(default)s)")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="a line for slurm.conf")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if wrong := [option for option in given.option if "=" not in option]:
        print(f"--option {wrong[0]}: expected KEY=VALUE, such as MaxArraySize=5", file=sys.stderr)
        return 2
    sandbox = Sandbox(
        nodes=given.nodes,
        cpus=given.cpus,
        memory=given.memory,
        gpus_per_node=given.gpus,
        accounting=given.accounting,
        cgroups=given.cgroups,
        options=dict(option.split("=", 1) for option in given.option),
    )
    try:
        with sandbox:
            print(f"# SLURM is ready after {sandbox.startup_s:.1f} s; its logs: {sandbox.folder / 'log'}")
            for key, value in sandbox.exports.items():
                print(f"export {key}={shlex.quote(value)}", flush=True)
            if sys.stdin.isatty():
                print("# a shell on it; exit ends it", flush=True)
                subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=sandbox.environment)
            else:
                print("# Ctrl-C ends it", flush=True)
                signal.signal(signal.SIGTERM, signal.default_int_handler)
                signal.pause()
    except KeyboardInterrupt:
        pass
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
