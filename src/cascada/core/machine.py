"""What this machine has: device, native bf16, memory and load, versions of the packages that a result depends on."""

import os
import socket
from importlib.metadata import version

import psutil
import torch

from cascada.core.errors import CascadaError

PACKAGES = ("cascada", "torch", "numpy", "h5py", "scikit-learn", "snakemake")
PRECISIONS = ("auto", "float32", "bfloat16")
MEGABYTE = 1024 * 1024


def choose_device(wish: str) -> torch.device:
    """`auto` takes the first GPU that is visible, or the CPU if there is none."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wish.startswith("cuda") and not torch.cuda.is_available():
        raise CascadaError(f"Device {wish!r} given, but no GPU is visible; give 'auto' or 'cpu', or request a GPU.")
    return torch.device(wish)


def choose_precision(wish: str, allowed: str, device: torch.device) -> torch.dtype:
    """The number format of the arithmetic: what the experiment wishes, if the profile allows it on this device.

    `auto` is bfloat16 on a GPU that computes with it natively and float32 elsewhere.
    """
    for value in (wish, allowed):
        if value not in PRECISIONS:
            raise CascadaError(f"Precision {value!r} given, allowed are {list(PRECISIONS)}.")
    if "float32" in (wish, allowed):
        return torch.float32
    if wish == "bfloat16":
        return torch.bfloat16
    native = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.bfloat16 if native else torch.float32


def use_deterministically(threads: int) -> None:
    """Same seed, same machine and same number of threads give the same bits on the CPU."""
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # that would also fill every new tensor with NaN, 2 % of a step of resnet and 4 % of lenet; nothing here reads what was not written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def usage(device: torch.device) -> dict[str, float]:
    """Processor [%], memory [MiB] and, on a GPU, its utilisation [%] and memory [MiB], for TensorBoard."""
    process = _this_process()
    values = {"cpu_percent": process.cpu_percent(), "memory_mb": process.memory_info().rss / MEGABYTE}
    if device.type == "cuda":
        values["gpu_memory_mb"] = torch.cuda.memory_allocated(device) / MEGABYTE
        values["gpu_percent"] = _gpu_percent(device)
    return values


def peak_memory_mb(device: torch.device) -> dict[str, float | None]:
    import resource

    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    on_device = torch.cuda.max_memory_allocated(device) / MEGABYTE if device.type == "cuda" else None
    return {"host": host, "device": on_device}


def describe(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def job() -> dict[str, str | None]:
    """Where this process runs: host, and the SLURM job if it is one."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    job_id = f"{array}_{task}" if array else os.environ.get("SLURM_JOB_ID")
    return {"host": socket.gethostname(), "job_id": job_id}


def versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


_process: psutil.Process | None = None


def _this_process() -> psutil.Process:
    """One object for the whole process: psutil measures the load since the last question to the same object."""
    global _process
    if _process is None:
        _process = psutil.Process()
    return _process


def _gpu_percent(device: torch.device) -> float:
    try:
        return float(torch.cuda.utilization(device))
    except Exception:  # NVML is missing in some containers; a number for a plot is not worth a training
        return float("nan")
