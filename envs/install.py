"""Install the lock into the environment that runs this: `python envs/install.py`, as `make setup` does.

Every file is checked by its hash. The build of torch is the one that pip prefers here, as it would without hashes: with them it
prefers a build of the public index to one that lies on this machine. The CUDA build needs `cuda.txt` too.
"""

import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import requires
from pathlib import Path

ENVS = Path(__file__).parent
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
CUDA = re.compile(r"nvidia-(?!ml-py)|cuda-|triton\b")  # distributions that only the CUDA build of torch needs


def main() -> None:
    lock = (ENVS / "requirements.txt").read_text()
    torch = re.search(r"^torch==\S+", lock, re.MULTILINE)[0]
    digest = preferred_build(torch)
    if digest not in lock:
        sys.exit(
            f"pip takes a build of {torch} whose sha256, {digest}, is not in the lock; `make lock` adds it if you trust it"
        )
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / "torch.txt"
        build.write_text(f"{torch} --hash=sha256:{digest}\n")
        install(build)
    install(ENVS / "requirements.txt")
    if any(CUDA.match(name) for name in requires("torch") or []):
        install(ENVS / "cuda.txt")


def install(requirements: Path) -> None:
    if subprocess.run([*PIP, "--require-hashes", "-r", str(requirements)]).returncode:
        sys.exit(f"pip could not install {requirements}; it says above why")


def preferred_build(pin: str) -> str:
    """Return the sha256 of the file that pip would install for this pin on this machine, whether it is installed or not."""
    command = [*PIP, "--dry-run", "--ignore-installed", "--report", "-", pin]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"pip finds no {pin}; it says above why")
    return json.loads(done.stdout)["install"][0]["download_info"]["archive_info"]["hashes"]["sha256"]


if __name__ == "__main__":
    main()
