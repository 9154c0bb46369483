"""Programs put first on PATH that stand before SLURM's commands: they note each call, and fail or linger when told to."""

import shutil
from pathlib import Path

from slurm_sandbox.driver import write
from slurm_sandbox.tools import search_path

COMMANDS = ("sbatch", "sacct", "squeue", "scontrol", "scancel", "srun")


class Commands:
    """Wrappers in `folder/bin`; `environment(…)` puts them on a PATH, `calls` says what was called."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.log = folder / "calls"
        for name in COMMANDS:
            real = shutil.which(name, path=search_path())
            text = f"""
                #!/bin/sh
                echo {name} "$@" >> '{self.log}'
                if [ -s '{folder}/fail-{name}' ]; then
                    head -n 1 '{folder}/fail-{name}' >&2
                    sed -i 1d '{folder}/fail-{name}'
                    exit 1
                fi
                [ -e '{folder}/linger-{name}' ] || exec {real} "$@"
                answer=$({real} "$@"); code=$?
                sleep "$(cat '{folder}/linger-{name}')"
                echo "$answer"
                exit $code
            """
            write(folder / "bin", name, text)

    def environment(self, path: str) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:{path}"}

    def fail(self, name: str, *messages: str) -> None:
        """Let the next calls fail, one per message, which goes to stderr."""
        (self.folder / f"fail-{name}").write_text("".join(message + "\n" for message in messages))

    def linger(self, name: str, seconds: float) -> None:
        """Let each call do its work at once, and tell of it only after some seconds."""
        (self.folder / f"linger-{name}").write_text(f"{seconds}\n")

    def calls(self, name: str) -> list[str]:
        """The arguments of every call of this command, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == name]
